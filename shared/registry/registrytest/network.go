package registrytest

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
)

// Network is an http.RoundTripper whose hosts are handlers, so that servers can
// have their real names, speak https and answer without a wire.
type Network struct {
	// Hosts are known by scheme and host, as in "https://registry.example.com".
	Hosts map[string]http.Handler
	// Interruption may cut calls off.
	Interruption *Interruption

	mutex sync.Mutex
	calls []Call
}

// Call is one request that went over the network.
type Call struct {
	Method, URL string
	Header      http.Header
	Status      int
}

// RoundTrip implements http.RoundTripper.
func (n *Network) RoundTrip(request *http.Request) (*http.Response, error) {
	if err := request.Context().Err(); err != nil {
		return nil, err
	}
	handler, ok := n.Hosts[request.URL.Scheme+"://"+request.URL.Host]
	if !ok {
		if _, other := n.Hosts["http://"+request.URL.Host]; other {
			return nil, tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}
		}
		return nil, &net.DNSError{Err: "no such host", Name: request.URL.Hostname(), IsNotFound: true}
	}
	received := request.Clone(request.Context())
	received.RequestURI = request.URL.RequestURI()
	received.Host = request.URL.Host
	received.RemoteAddr = "192.0.2.1:1234"
	if received.Body == nil {
		received.Body = http.NoBody
	}
	recorder := httptest.NewRecorder()
	if err := n.Interruption.Around(func() { handler.ServeHTTP(recorder, received) }); err != nil {
		return nil, err
	}
	n.mutex.Lock()
	defer n.mutex.Unlock()
	n.calls = append(n.calls, Call{request.Method, request.URL.String(), request.Header.Clone(), recorder.Code})
	response := recorder.Result()
	response.Request = request
	return response, nil
}

// Calls gives all requests until now.
func (n *Network) Calls() []Call {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	return append([]Call(nil), n.calls...)
}
