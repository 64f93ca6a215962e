package sandbox

import (
	"os/exec"
	"syscall"
)

// confine keeps Ctrl-C from the process, which this one stops by itself. When
// this one dies, the process ends with its input.
func confine(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
