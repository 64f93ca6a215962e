package cluster

import (
	"fmt"
	"math/rand/v2"
	"net"
)

// The range lies below those from which systems take the ports of outgoing
// connections: a broker that is down must find its port free when it returns.
const (
	firstPort = 15_000
	lastPort  = 29_999
)

// freePorts returns ports of the loopback interface that nobody listens on.
func freePorts(count int) (ports []int, err error) {
	for len(ports) < count {
		port := firstPort + rand.IntN(lastPort-firstPort)
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		defer func() { _ = listener.Close() }() // held until all are found
		ports = append(ports, port)
	}
	return ports, nil
}

// FreePort returns a port that nobody listens on, and that stays free while a
// test's own server there is down.
func FreePort() (int, error) {
	ports, err := freePorts(1)
	if err != nil {
		return 0, err
	}
	return ports[0], nil
}
