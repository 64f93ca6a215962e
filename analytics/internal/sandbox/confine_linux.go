package sandbox

import (
	"os/exec"
	"syscall"
)

// confine keeps Ctrl-C from the process, which this one stops by itself, and
// has the kernel kill it when this one dies.
func confine(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
