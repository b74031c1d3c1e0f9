package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// maxPatience is how long one call waits for a rate limit to pass. A longer
	// one is left to the next run.
	maxPatience = 20 * time.Second
	// MaxPages bounds every listing: 1,000 pages of a hundred are more tokens
	// than any account has.
	MaxPages = 1000
)

// API is a registry's management interface.
type API struct {
	client    *Client
	base      string
	probe     string
	authorize func(*http.Request)
}

// API makes the interface at an administrator's URL; authorize puts the
// credential on each request. The probe is a path that the API always has: after
// a 404 it tells a wrong URL from something that isn't there. "" where there is
// no such path.
func (c *Client) API(administrator Administrator, probe string, authorize func(*http.Request)) *API {
	return &API{c, strings.TrimRight(administrator.URL, "/"), probe, authorize}
}

// ExamineAdministrator says what is wrong with the administrator's credential,
// without showing it.
func (o Order) ExamineAdministrator() error {
	switch {
	case o.Administrator.Federated:
		return errors.New(`"federated" in the administrator's secret is for the driver acr alone; write a "password" or a "token"`)
	case o.Administrator.Password.IsZero():
		return errors.New("the tag ecs-guardrails:admin-secret must name the secret with the administrator's credential")
	}
	return o.Administrator.ExamineAddress()
}

// ExamineAddress says what is wrong with the address of the API.
func (a Administrator) ExamineAddress() error {
	address, err := url.Parse(a.URL)
	switch {
	case err != nil || address.Host == "" || address.User != nil || address.RawQuery != "" || address.Fragment != "" || address.Opaque != "":
		return errors.New(`the administrator's secret must hold the address of the registry's API, as in "url": "https://registry.example.com"`)
	case address.Scheme != "https" && !(address.Scheme == "http" && isLoopback(address.Host)):
		return errors.New(`the address under "url" in the administrator's secret is not https`)
	}
	return nil
}

// Call is one request to an API.
type Call struct {
	Method string
	// Path is escaped, and begins with a slash.
	Path  string
	Query url.Values
	// JSON is the body, unless it is nil; Text is one of plain text.
	JSON any
	Text string
	// Doing says in an error what the call is for.
	Doing string
	// Want are the statuses of success.
	Want []int
}

// Do makes a call, and reads the answer's JSON into answer, unless that is nil.
// Where the registry asks for a short patience (429), it is given. Failures are
// of type *Error.
func (a *API) Do(ctx context.Context, call Call, into any) (http.Header, error) {
	for attempt := 1; ; attempt++ {
		request, err := a.request(ctx, call)
		if err != nil {
			return nil, err
		}
		got, err := a.client.doUpTo(request, maxListing)
		if err != nil {
			return nil, err
		}
		if got.status == http.StatusTooManyRequests && attempt < 3 && pause(ctx, patience(got.header)) {
			continue
		}
		if !slices.Contains(call.Want, got.status) {
			if got.status == http.StatusNotFound && a.misplaced(ctx) {
				return got.header, &Error{Kind: Misplaced, Status: got.status, text: fmt.Sprintf("%s has no API at the address under \"url\" in the administrator's secret: it answered status 404 to %s, and to a path that the API always has", request.URL.Host, call.Doing)}
			}
			return got.header, unwelcome(request.URL, call.Doing, got)
		}
		// What was only taken on (202) may have nothing to say yet.
		takenOn := got.status == http.StatusAccepted && len(got.body) == 0
		if into != nil && !takenOn && got.status != http.StatusNoContent && json.Unmarshal(got.body, into) != nil {
			return got.header, &Error{Kind: Unexpected, Status: got.status, text: fmt.Sprintf("%s answered %s with something else than the JSON that its API describes", request.URL.Host, call.Doing)}
		}
		return got.header, nil
	}
}

// misplaced reports whether the API isn't at its address at all.
func (a *API) misplaced(ctx context.Context) bool {
	if a.probe == "" {
		return false
	}
	request, err := a.request(ctx, Call{Method: http.MethodGet, Path: a.probe})
	if err != nil {
		return false
	}
	got, err := a.client.do(request)
	return err == nil && got.status == http.StatusNotFound
}

func (a *API) request(ctx context.Context, call Call) (*http.Request, error) {
	address := a.base + call.Path
	if len(call.Query) > 0 {
		address += "?" + call.Query.Encode()
	}
	body, kind := []byte(call.Text), "text/plain"
	if call.JSON != nil {
		var err error
		if body, err = json.Marshal(call.JSON); err != nil {
			return nil, &Error{Kind: Unexpected, text: "write the request to " + call.Doing, err: err}
		}
		kind = "application/json"
	}
	request, err := http.NewRequestWithContext(ctx, call.Method, address, bytes.NewReader(body))
	if err != nil {
		return nil, &Error{Kind: Unexpected, text: "make the request to " + call.Doing, err: err}
	}
	request.Header.Set("Accept", "application/json")
	if len(body) > 0 {
		request.Header.Set("Content-Type", kind)
	}
	a.authorize(request)
	return request, nil
}

// patience is how long to wait after a 429 before the same call is made again.
func patience(header http.Header) time.Duration {
	if wait, ok := retryAfter(header); ok {
		return wait
	}
	return 5 * time.Second
}

// longestWait tells seconds from a Unix time: no registry has anyone wait for years.
const longestWait = 365 * 24 * 60 * 60

// retryAfter reads how long a rate limit lasts: Retry-After in seconds or as a
// date (RFC 9110, section 10.2.3), Docker Hub's X-Retry-After and GitLab's
// RateLimit-Reset as a Unix time, which the IETF's draft has in seconds.
func retryAfter(header http.Header) (time.Duration, bool) {
	if text := header.Get("Retry-After"); text != "" {
		if seconds, err := strconv.Atoi(text); err == nil {
			return time.Duration(min(max(seconds, 0), math.MaxInt32)) * time.Second, true
		}
		if date, err := http.ParseTime(text); err == nil {
			return time.Until(date), true
		}
	}
	for _, name := range []string{"X-Retry-After", "RateLimit-Reset"} {
		if number, err := strconv.ParseInt(header.Get(name), 10, 64); err == nil {
			if number <= longestWait {
				return time.Duration(max(number, 0)) * time.Second, true
			}
			return time.Until(time.Unix(number, 0)), true
		}
	}
	return 0, false
}

// pause waits, unless that takes too long.
func pause(ctx context.Context, wait time.Duration) bool {
	if deadline, ok := ctx.Deadline(); wait > maxPatience || ok && time.Until(deadline) < wait {
		return false
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(max(wait, 0)):
		return true
	}
}

// Basic authorizes requests by user and password.
func (a Administrator) Basic(request *http.Request) {
	request.SetBasicAuth(a.Username, a.Password.Reveal())
}

// Bearer authorizes requests by a bearer token.
func (a Administrator) Bearer(request *http.Request) {
	request.Header.Set("Authorization", "Bearer "+a.Password.Reveal())
}

// NotIssued is a success that brought no credential.
func NotIssued(doing string) error {
	return &Error{Kind: Unexpected, text: "the registry's answer to " + doing + " holds no credential"}
}

// IsMissing reports whether a call failed because what it was for is not there.
func IsMissing(err error) bool {
	failure, ok := errors.AsType[*Error](err)
	return ok && failure.Kind == Missing
}

// NotThere is what a listing does not have.
func NotThere(what string) error {
	return &Error{Kind: Missing, text: "the registry does not know " + what}
}
