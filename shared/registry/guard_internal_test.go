package registry

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
)

func TestAddresses(t *testing.T) {
	const public, private, never = "public", "private", "never"
	for address, want := range map[string]string{
		"8.8.8.8": public, "172.15.255.255": public, "172.32.0.1": public, "100.63.255.255": public, "100.128.0.0": public,
		"169.253.255.255": public, "2606:4700::6810:1": public, "2a05:d018::1": public, "2400:cb00::1": public,
		"10.0.0.1": private, "172.16.0.1": private, "172.31.255.255": private, "192.168.1.1": private, "100.64.0.1": private,
		"127.0.0.1": private, "127.9.9.9": private, "::1": private, "fc00::1": private, "fd12:3456::1": private,
		"169.254.169.254": never, "169.254.170.2": never, "169.254.0.1": never, "fe80::1": never, "fe80::1%eth0": never,
		"fd00:ec2::254": never, "fd00:ec2::253": never,
		"0.0.0.0": never, "0.1.2.3": never, "::": never, "224.0.0.1": never, "239.255.255.250": never, "ff02::1": never, "ff0e::1": never,
		"240.0.0.1": never, "255.255.255.255": never, "192.0.0.8": never, "192.0.2.1": never, "198.51.100.1": never, "203.0.113.1": never,
		"198.18.0.1": never, "192.88.99.1": never, "2001:db8::1": never, "3fff::1": never,
		// IPv4 in the clothes of IPv6
		"::ffff:8.8.8.8": public, "::ffff:10.0.0.1": private, "::ffff:127.0.0.1": private, "::ffff:169.254.169.254": never,
		"::169.254.169.254": never, "::8.8.8.8": never, "2002:a9fe:a9fe::1": never, "2002:808:808::1": never,
		"64:ff9b::a9fe:a9fe": never, "64:ff9b::808:808": never, "64:ff9b:1::808:808": never, "2001:0:808:808::1": never,
		"fec0::1": never, "100::1": never, "5f00::1": never, "4000::1": never,
	} {
		for _, allowPrivate := range []bool{false, true} {
			dialer := guarded(func(address netip.Addr) bool { return isPublic(address) || allowPrivate && isPrivate(address) })
			err := dialer.Control("tcp", net.JoinHostPort(address, "443"), nil)
			if allowed := want == public || allowPrivate && want == private; (err == nil) != allowed || err != nil && !errors.Is(err, errOffLimits) {
				t.Errorf("%s, private allowed %t: %v, want %s", address, allowPrivate, err, want)
			}
		}
	}
	dialer := guarded(isPublic)
	for _, address := range []string{"", "registry.example.com:443", "8.8.8.8", "@"} {
		if err := dialer.Control("tcp", address, nil); err == nil {
			t.Errorf("%q is allowed", address)
		}
	}
}

var login = Credential{Username: "ci", Password: secret.New("canary-hunter2")}

// listen serves a handler at an address of this machine and counts connections.
func listen(t *testing.T, address string, handler http.Handler, encrypted bool) (*httptest.Server, *atomic.Int64) {
	t.Helper()
	listener, err := net.Listen("tcp", address+":0")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(handler)
	_ = server.Listener.Close()
	server.Listener = listener
	connections := new(atomic.Int64)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	if encrypted {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return server, connections
}

func trusting(servers ...*httptest.Server) Authorities {
	pool := x509.NewCertPool()
	for _, server := range servers {
		pool.AddCert(server.Certificate())
	}
	return Authorities{pool}
}

func kindOf(err error) Kind {
	if failed, ok := errors.AsType[*Error](err); ok {
		return failed.Kind
	}
	return -1
}

// basic takes the one credential.
var basic = http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
	if username, password, _ := request.BasicAuth(); username != "ci" || password != "canary-hunter2" {
		writer.Header().Set("WWW-Authenticate", `Basic realm="r"`)
		writer.WriteHeader(http.StatusUnauthorized)
	}
})

// Neither an address nor a name of this machine is connected to, be it over
// https or over the plain http that is for this machine alone.
func TestGuardedAgainstThisMachine(t *testing.T) {
	for _, encrypted := range []bool{true, false} {
		server, connections := listen(t, "127.0.0.1", basic, encrypted)
		_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
		var authorities Authorities
		if encrypted {
			authorities = trusting(server)
		}
		for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]"} {
			of := Registry{Host: host + ":" + port}
			_, err := NewGuardedClient(authorities, false).Login(t.Context(), of, login, nil)
			if kindOf(err) != OffLimits || strings.Contains(err.Error(), "canary") || connections.Load() != 0 {
				t.Errorf("%s: %v after %d connections", of, err, connections.Load())
			}
			asker := NewAsker(NewGuardedClient(authorities, false), time.Now, 0)
			if got := asker.Ask(t.Context(), []Question{{of, Image{"team/app", "1"}, login}})[0]; got.Access != Blocked || connections.Load() != 0 {
				t.Errorf("%s: asked about an image: %+v after %d connections", of, got, connections.Load())
			}
		}
		if _, err := NewGuardedClient(authorities, true).Login(t.Context(), Registry{Host: "127.0.0.1:" + port}, login, nil); err != nil {
			t.Errorf("private addresses are allowed, and yet: %v", err)
		}
	}
}

// A registry that may be connected to leads to addresses that may not.
func TestGuardedAgainstRealmAndRedirect(t *testing.T) {
	inner, connections := listen(t, "127.0.0.2", basic, true)
	open, openConnections := listen(t, "127.0.0.2", basic, false)
	onlyFirst := func(address netip.Addr) bool { return address == netip.MustParseAddr("127.0.0.1") }
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		want   Kind
	}{
		"realm": {challenging(inner.URL + "/token"), OffLimits},
		// A realm of this machine's may be asked in plain http; it is the guard that refuses.
		"realm in plain http": {challenging(open.URL + "/token"), OffLimits},
		"redirect":            {redirecting(inner.URL + "/v2/"), Unsafe},
		"redirect to http":    {redirecting(open.URL + "/v2/"), Unsafe},
		"redirected token": {func(writer http.ResponseWriter, request *http.Request) {
			if request.URL.Path == "/token" {
				redirecting(inner.URL+"/token")(writer, request)
				return
			}
			challenging("https://"+request.Host+"/token")(writer, request)
		}, Unsafe},
	} {
		t.Run(name, func(t *testing.T) {
			outer, _ := listen(t, "127.0.0.1", test.answer, true)
			client := WithTransport(newTransport(trusting(outer, inner), guarded(onlyFirst)))
			_, err := client.Login(t.Context(), Registry{Host: outer.Listener.Addr().String()}, login, nil)
			if kindOf(err) != test.want {
				t.Errorf("got %v, want kind %d", err, test.want)
			}
			if got := connections.Load() + openConnections.Load(); got != 0 {
				t.Errorf("%d connections", got)
			}
		})
	}
}

// An anonymous question is led on to addresses that may not be connected to.
func TestGuardedAgainstLeadingOn(t *testing.T) {
	onlyFirst := func(address netip.Addr) bool { return address == netip.MustParseAddr("127.0.0.1") }
	inner, connections := listen(t, "127.0.0.2", basic, true)
	outer, _ := listen(t, "127.0.0.1", http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		if strings.Contains(request.URL.Path, "/manifests/") {
			redirecting(inner.URL+"/latest/meta-data")(writer, request)
		}
	}), true)
	client := WithTransport(newTransport(trusting(outer, inner), guarded(onlyFirst)))
	question := Question{Registry: Registry{Host: outer.Listener.Addr().String()}, Image: Image{"team/app", "1"}}
	if got := NewAsker(client, time.Now, 0).Ask(t.Context(), []Question{question})[0]; got.Access != Blocked || connections.Load() != 0 {
		t.Errorf("%+v after %d connections", got, connections.Load())
	}
}

func challenging(realm string) http.HandlerFunc {
	return func(writer http.ResponseWriter, _ *http.Request) {
		writer.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm=%q,service="s"`, realm))
		writer.WriteHeader(http.StatusUnauthorized)
	}
}

func redirecting(to string) http.HandlerFunc {
	return func(writer http.ResponseWriter, request *http.Request) {
		http.Redirect(writer, request, to, http.StatusTemporaryRedirect)
	}
}

func TestGuardedTakesNoProxy(t *testing.T) {
	for _, private := range []bool{false, true} {
		if transport := NewGuardedClient(Authorities{}, private).http.Transport.(*http.Transport); transport.Proxy != nil {
			t.Error("a proxy would connect in its place")
		}
	}
	if transport := NewClient(Authorities{}).http.Transport.(*http.Transport); transport.Proxy == nil {
		t.Error("a client that is not guarded takes the environment's proxy")
	}
}
