package process

import (
	"os/exec"
	"syscall"
)

// dieWithParent puts the command into a process group of its own, so that
// Ctrl-C reaches it through the test only, and has the kernel kill it when the
// test's process dies.
func dieWithParent(command *exec.Cmd) {
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
