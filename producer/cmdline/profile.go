package cmdline

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/pprof"
	"runtime"
	"time"

	"github.com/urfave/cli/v2"
)

const (
	profileFlag   = "pprof"
	headerTimeout = 10 * time.Second
	// blockRate is after how many nanoseconds of waiting, on the average, one
	// is recorded; lockFraction is of how many waits for a lock one is. Both
	// are cheap enough for a program at work.
	blockRate    = 10_000
	lockFraction = 100
)

// addProfiles gives the app the flag --pprof and, while a command runs with it,
// a server of the runtime's profiles.
func addProfiles(app *cli.App) {
	app.Flags = append(app.Flags, &cli.StringFlag{
		Name: profileFlag, Usage: "serve Go profiles of this process on the loopback address `ADDR`, such as 127.0.0.1:6060",
	})
	server := &http.Server{Handler: profiles(), ReadHeaderTimeout: headerTimeout}
	app.Before = func(c *cli.Context) error {
		if err := checkLogFlags(c); err != nil {
			return err
		}
		if !c.IsSet(profileFlag) {
			return nil
		}
		listener, err := listenOnLoopback(c.String(profileFlag))
		if err != nil {
			return err
		}
		runtime.SetBlockProfileRate(blockRate)
		runtime.SetMutexProfileFraction(lockFraction)
		log := Log(c, "profile")
		log.Info("serving profiles", "url", "http://"+listener.Addr().String()+"/debug/pprof/")
		go func() {
			if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				log.Warn("the profile server has stopped", "cause", err)
			}
		}()
		return nil
	}
	app.After = func(*cli.Context) error { return server.Close() }
}

// listenOnLoopback refuses an address that others than this machine can reach:
// profiles tell what a process has in its memory.
func listenOnLoopback(address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, Usagef("--%s %s: %v; want HOST:PORT, such as 127.0.0.1:6060", profileFlag, address, err)
	}
	if !isLoopback(host) {
		return nil, Usagef("--%s %s: profiles are for this machine only; name a loopback address, such as 127.0.0.1:6060",
			profileFlag, address)
	}
	listener, err := Listen(context.Background(), address, profileFlag)
	if err != nil {
		return nil, Usagef("%v", err)
	}
	return listener, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// profiles answers to the machine's own names alone, so that no page in its
// browser can read them under a name that leads here.
func profiles() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if !isLoopback(host) {
			http.Error(w, "name this machine as 127.0.0.1", http.StatusForbidden)
			return
		}
		mux.ServeHTTP(w, r)
	})
}
