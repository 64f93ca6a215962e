package process

import (
	"os/exec"
	"syscall"
)

// dieWithParent puts the command into a process group of its own, so that
// Ctrl-C reaches it through the test only, and has the kernel kill it when the
// test's process dies.
func dieWithParent(command *exec.Cmd) {
	if command.SysProcAttr == nil {
		command.SysProcAttr = &syscall.SysProcAttr{}
	}
	command.SysProcAttr.Setpgid, command.SysProcAttr.Pdeathsig = true, syscall.SIGKILL
}
