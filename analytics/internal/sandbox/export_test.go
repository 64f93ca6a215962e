package sandbox

// Ended says whether the process has ended.
func (a *Answer) Ended() bool { return a.process.ProcessState != nil }
