package registry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"syscall"
	"time"
)

const (
	// maxAnswer bounds what is read of an answer; tokens are a few kilobytes.
	maxAnswer = 1 << 20
	// maxListing bounds what is read of an API's answer: Quay lists all robots of an
	// organization with their teams and repositories at once.
	maxListing = 8 << 20
	// answerTime is what a registry may take for one answer: bcrypt on a small
	// machine takes seconds.
	answerTime = 20 * time.Second
)

// Kind says how a call to a registry ended.
type Kind int

const (
	// Unreachable: no answer, or none that can be understood. A retry may help.
	Unreachable Kind = iota
	// Busy: the registry asks for patience (429) or is broken (5xx). A retry may help.
	Busy
	// Refused: the registry does not take the credential (401, 403).
	Refused
	// Missing: what was asked for is not there (404).
	Missing
	// Unsafe: going on would send the credential where it does not belong.
	Unsafe
	// Open: the registry takes everybody, so that a login proves nothing.
	Open
	// Unexpected: any other answer.
	Unexpected
	// OffLimits: a guarded client does not connect to the host's address.
	OffLimits
	// Misplaced: the API is not at its address at all.
	Misplaced
)

// Error is a call to a registry that did not end well. Its text is our own but
// for hosts and numbers: an answer's text may repeat what was sent.
type Error struct {
	Kind Kind
	// Status is the answer's, 0 where there was none.
	Status int
	text   string
	err    error
	// limit holds the numbers of a 429.
	limit *RateLimit
}

// Failure is a call that did not end well, told in words that show nothing of what
// was sent or answered. It is for drivers that speak to something else than a
// registry.
func Failure(kind Kind, text string) *Error { return &Error{Kind: kind, text: text} }

// Error gives the text.
func (e *Error) Error() string { return e.text }

// Unwrap gives the cause, for classification; its text may hold anything.
func (e *Error) Unwrap() error { return e.err }

// Cause tells why there was no whole answer, "" where there was one. No word of
// it is a server's.
func (e *Error) Cause() string {
	if e.err == nil {
		return ""
	}
	return cause(e.err)
}

// Retryable reports whether the same call may succeed later.
func (e *Error) Retryable() bool { return e.Kind == Unreachable || e.Kind == Busy }

// Client speaks to registries.
type Client struct{ http *http.Client }

// Authorities are certificate authorities beside the system's.
type Authorities struct{ pool *x509.CertPool }

// UnmarshalText reads the PEM file of a path.
func (a *Authorities) UnmarshalText(path []byte) error {
	file, err := os.ReadFile(string(path))
	if err != nil {
		return fmt.Errorf("read the registries' certificate authorities: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return fmt.Errorf("read the system's certificate authorities: %w", err)
	}
	if !pool.AppendCertsFromPEM(file) {
		return fmt.Errorf("read the registries' certificate authorities: there is no certificate in PEM form in %s", path)
	}
	a.pool = pool
	return nil
}

// NewClient makes a client. Its proxy is the environment's (HTTPS_PROXY, NO_PROXY).
func NewClient(authorities Authorities) *Client {
	transport := newTransport(authorities, net.Dialer{})
	transport.Proxy = http.ProxyFromEnvironment
	return WithTransport(transport)
}

func newTransport(authorities Authorities, dialer net.Dialer) *http.Transport {
	dialer.Timeout = 5 * time.Second
	return &http.Transport{
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: authorities.pool, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    10 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		ForceAttemptHTTP2:      true,
		IdleConnTimeout:        30 * time.Second,
	}
}

// WithTransport makes a client over somebody's own transport.
func WithTransport(transport http.RoundTripper) *Client {
	return &Client{http: &http.Client{
		Transport: transport,
		Timeout:   answerTime,
		// A redirect names its own target: no credential follows it.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// answer is what is kept of a response.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// do sends one request, over https, or over plain http to this machine.
func (c *Client) do(request *http.Request) (answer, error) { return c.doUpTo(request, maxAnswer) }

// doUpTo reads an answer of so many bytes at most.
func (c *Client) doUpTo(request *http.Request, most int64) (answer, error) {
	if request.URL.Scheme != "https" && !(request.URL.Scheme == "http" && isLoopback(request.URL.Host)) {
		return answer{}, &Error{Kind: Unsafe, text: fmt.Sprintf("%s is not https, and anybody on the way could read what is sent there", hostOnly(request.URL))}
	}
	request.Header.Set("User-Agent", "ecs-guardrails")
	response, err := c.http.Do(request)
	if errors.Is(err, errOffLimits) {
		return answer{}, &Error{Kind: OffLimits, text: fmt.Sprintf("%s has an address that is off limits", request.URL.Host)}
	}
	if err != nil {
		return answer{}, &Error{Kind: Unreachable, text: fmt.Sprintf("%s cannot be reached: %s", request.URL.Host, cause(err)), err: err}
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, most+1))
	if err != nil {
		return answer{}, &Error{Kind: Unreachable, text: fmt.Sprintf("%s stopped in the middle of its answer: %s", request.URL.Host, cause(err)), err: err}
	}
	if int64(len(body)) > most {
		return answer{}, &Error{Kind: Unexpected, Status: response.StatusCode, text: fmt.Sprintf("%s gave an answer of more than %d MiB", request.URL.Host, most>>20)}
	}
	return answer{response.StatusCode, response.Header, body}, nil
}

// cause tells what went wrong below HTTP in our own words, or of Go's where
// they cannot hold what a server sent.
func cause(err error) string {
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		if dns.IsNotFound {
			return "its name is unknown"
		}
		return "its name cannot be looked up"
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "its certificate is signed by an unknown authority"
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "its certificate is another host's"
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		if invalid.Reason == x509.Expired {
			return "its certificate has expired or is not valid yet"
		}
		return "its certificate is not valid"
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return "it does not speak TLS on this port"
	}
	if timeout, ok := errors.AsType[net.Error](err); errors.Is(err, context.DeadlineExceeded) || ok && timeout.Timeout() {
		return "it did not answer in time"
	}
	switch {
	case errors.Is(err, context.Canceled):
		return "we stopped waiting"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "it refuses the connection"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "it broke the connection"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "there is no way to it"
	}
	return "it does not speak HTTP as it should"
}

// distrusted reports whether a server showed a certificate that isn't to be
// trusted: it does speak TLS.
func distrusted(err error) bool {
	failure, ok := errors.AsType[*Error](err)
	if !ok {
		return false
	}
	_, verification := errors.AsType[*tls.CertificateVerificationError](failure.err)
	_, authority := errors.AsType[x509.UnknownAuthorityError](failure.err)
	_, host := errors.AsType[x509.HostnameError](failure.err)
	_, invalid := errors.AsType[x509.CertificateInvalidError](failure.err)
	return verification || authority || host || invalid
}

// knownCodes are the error codes of the distribution specification. Any other
// text in their place is the server's own, and may be anything.
var knownCodes = []string{
	"BLOB_UNKNOWN", "BLOB_UPLOAD_INVALID", "BLOB_UPLOAD_UNKNOWN", "DIGEST_INVALID", "MANIFEST_BLOB_UNKNOWN",
	"MANIFEST_INVALID", "MANIFEST_UNKNOWN", "NAME_INVALID", "NAME_UNKNOWN", "SIZE_INVALID", "UNAUTHORIZED",
	"DENIED", "UNSUPPORTED", "TOOMANYREQUESTS", "UNAVAILABLE",
}

// errorCode gives the first code of a registry's error document, or "".
func errorCode(body []byte) string {
	var document struct {
		Errors []struct{ Code string }
	}
	if json.Unmarshal(body, &document) == nil && len(document.Errors) > 0 && slices.Contains(knownCodes, document.Errors[0].Code) {
		return document.Errors[0].Code
	}
	return ""
}

// unwelcome turns an answer that is not the wanted one into an error.
func unwelcome(address *url.URL, doing string, got answer) *Error {
	kind := Unexpected
	switch {
	case got.status == http.StatusUnauthorized || got.status == http.StatusForbidden:
		kind = Refused
	case got.status == http.StatusNotFound:
		kind = Missing
	case got.status == http.StatusTooManyRequests || got.status >= 500:
		kind = Busy
	case got.status >= 300 && got.status < 400:
		return &Error{Kind: Unsafe, Status: got.status, text: fmt.Sprintf("%s redirects (status %d) to %s, and no credential follows a redirect", address.Host, got.status, doing)}
	}
	text := fmt.Sprintf("%s answered %s", address.Host, quoteStatus(got.status))
	if code := errorCode(got.body); code != "" {
		text += " (" + code + ")"
	}
	return &Error{Kind: kind, Status: got.status, text: text + " to " + doing, limit: rateLimit(got)}
}
