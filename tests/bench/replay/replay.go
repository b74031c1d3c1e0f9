// Package replay keeps what a function asks of AWS and what it is answered, and
// answers other programs with it: as often and as slowly as a measurement wants
// it, and telling what was asked when.
package replay

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/tests/awscall"
)

// maxBody bounds what is kept of a request or an answer.
const maxBody = 16 << 20

// Call is one AWS call with its answer.
type Call struct {
	Service   string `json:"service"`
	Operation string `json:"operation"`
	// Parameters are the request's, whole, in the names of the API reference.
	Parameters map[string]any `json:"parameters"`
	// After are the calls, by their place, that had ended when this one began,
	// however slowly each was answered.
	After []int `json:"after"`

	status int
	header http.Header
	body   []byte
	// took is how long the answer took when it was recorded.
	took time.Duration
}

// Name is the operation with its service, as in "iam:CreateRole".
func (c Call) Name() string { return c.Service + ":" + c.Operation }

// identify reads what a request asks for.
func identify(request *http.Request) (Call, []byte, error) {
	body, err := io.ReadAll(io.LimitReader(request.Body, maxBody))
	if err != nil {
		return Call{}, nil, fmt.Errorf("read a request: %w", err)
	}
	exchange := awscall.Identify(request, body, time.Now())
	call := Call{Service: exchange.Call.Service, Operation: exchange.Call.Operation, Parameters: exchange.Parameters}
	// S3 has these in the body, which awscall leaves alone.
	switch call.Name() {
	case "s3:PutObject":
		call.Parameters["Body"] = string(body)
	case "s3:PutObjectTagging":
		var tagging struct {
			Tags []struct{ Key, Value string } `xml:"TagSet>Tag"`
		}
		if err := xml.Unmarshal(body, &tagging); err != nil {
			return Call{}, nil, fmt.Errorf("read the tags of an object: %w", err)
		}
		call.Parameters["Tagging"] = map[string]any{"TagSet": tagging.Tags}
	}
	if exchange.Protocol == awscall.Query {
		call.Parameters, _ = numbered(call.Parameters).(map[string]any)
	}
	return call, body, nil
}

// numbered makes numbers of the numbers that the query protocol sends as text.
func numbered(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for name, child := range value {
			if text, ok := child.(string); ok && (name == "MaxItems" || name == "MaxResults") {
				if number, err := strconv.Atoi(text); err == nil {
					value[name] = number
				}
				continue
			}
			value[name] = numbered(child)
		}
	case []any:
		for index, child := range value {
			value[index] = numbered(child)
		}
	}
	return value
}

// server is an endpoint on the loopback address.
type server struct {
	URL    string
	server *http.Server
}

func serve(handler http.HandlerFunc) (*server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("take a port for the endpoint: %w", err)
	}
	started := &server{URL: "http://" + listener.Addr().String(), server: &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}}
	// It ends with an error, always, when it is closed.
	go func() { _ = started.server.Serve(listener) }()
	return started, nil
}

// Close ends the endpoint.
func (s *server) Close() error { return s.server.Close() }

// Recorder passes requests on and keeps them with their answers.
type Recorder struct {
	*server
	target  *url.URL
	renamed *strings.Replacer

	mutex  sync.Mutex
	calls  []Call
	failed error
}

// Record starts a recorder before an endpoint, with some names in its answers
// replaced by others.
func Record(endpoint string, renamed *strings.Replacer) (*Recorder, error) {
	target, err := url.Parse(endpoint)
	if err != nil {
		return nil, fmt.Errorf("read the endpoint's address: %w", err)
	}
	recorder := &Recorder{target: target, renamed: renamed}
	recorder.server, err = serve(recorder.pass)
	return recorder, err
}

// Calls gives what was recorded, in the order of the requests, and forgets it.
func (r *Recorder) Calls() ([]Call, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	calls, failed := r.calls, r.failed
	r.calls, r.failed = nil, nil
	return calls, failed
}

func (r *Recorder) pass(writer http.ResponseWriter, request *http.Request) {
	r.mutex.Lock()
	place := len(r.calls)
	r.calls = append(r.calls, Call{})
	r.mutex.Unlock()
	call, err := r.ask(request)
	r.mutex.Lock()
	r.calls[place], r.failed = call, errors.Join(r.failed, err)
	r.mutex.Unlock()
	if err != nil {
		http.Error(writer, err.Error(), http.StatusBadGateway)
		return
	}
	call.answer(writer)
}

func (r *Recorder) ask(request *http.Request) (Call, error) {
	call, body, err := identify(request)
	if err != nil {
		return call, err
	}
	began := time.Now()
	passed := request.Clone(request.Context())
	passed.RequestURI = ""
	passed.URL.Scheme, passed.URL.Host = r.target.Scheme, r.target.Host
	passed.Body = io.NopCloser(bytes.NewReader(body))
	response, err := http.DefaultTransport.RoundTrip(passed)
	if err != nil {
		return call, fmt.Errorf("pass %s on: %w", call.Name(), err)
	}
	call.body, err = io.ReadAll(io.LimitReader(response.Body, maxBody))
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return call, fmt.Errorf("read the answer to %s: %w", call.Name(), err)
	}
	call.status, call.header, call.took = response.StatusCode, response.Header, time.Since(began)
	if text := r.renamed.Replace(string(call.body)); text != string(call.body) {
		call.body = []byte(text)
		call.header.Del("Content-Length")
	}
	return call, nil
}

func (c Call) answer(writer http.ResponseWriter) {
	for name, values := range c.header {
		if name != "Date" && name != "Connection" && name != "Transfer-Encoding" {
			writer.Header()[name] = values
		}
	}
	writer.WriteHeader(c.status)
	_, _ = writer.Write(c.body)
}

// Player answers with what was recorded.
type Player struct {
	*server
	calls []Call

	mutex  sync.Mutex
	delay  Delay
	used   []bool
	trace  Trace
	failed error
}

// Delay is how long the answer to a call takes.
type Delay func(Call) time.Duration

// Quickly answers sooner than AWS ever does, so that what is timed is the
// caller. Not at once: the SDK for Go closes a request's body as soon as the
// answer begins (smithy-go, transport/http/client.go, ClientHandler.Handle), and
// where net/http still looks for the body's end then, it breaks the connection
// off and the SDK calls again.
func Quickly(Call) time.Duration { return time.Millisecond }

// ErrRepeated says that a recorded call was made more often than it was recorded.
var ErrRepeated = errors.New("called more often than it was recorded")

// AsRecorded answers as slowly as the answer came when it was recorded.
func AsRecorded(call Call) time.Duration { return call.took }

// Trace is when each call of a run was asked, by its place in the record.
// Calls that were not made are absent.
type Trace map[int]Span

// Span is from a request until its answer.
type Span struct{ Began, Ended time.Time }

// Play starts a player of recorded calls.
func Play(calls []Call) (*Player, error) {
	player := &Player{calls: calls}
	player.Begin(Quickly)
	var err error
	player.server, err = serve(player.handle)
	return player, err
}

// Begin starts a run.
func (p *Player) Begin(delay Delay) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.delay, p.used, p.trace, p.failed = delay, make([]bool, len(p.calls)), Trace{}, nil
}

// End gives what was asked since Begin. A call that was not recorded is an
// error, and so is one that was made more often (ErrRepeated).
func (p *Player) End() (Trace, error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.trace, p.failed
}

func (p *Player) handle(writer http.ResponseWriter, request *http.Request) {
	began := time.Now()
	asked, _, err := identify(request)
	place := -1
	p.mutex.Lock()
	if err == nil {
		if place = p.find(asked); place < 0 {
			err = fmt.Errorf("%s is called, which was not recorded", asked.Name())
		}
	}
	if err != nil {
		p.failed = errors.Join(p.failed, err)
		p.mutex.Unlock()
		// No SDK asks again after this one.
		http.Error(writer, err.Error(), http.StatusBadRequest)
		return
	}
	if p.used[place] {
		p.failed = errors.Join(p.failed, fmt.Errorf("%s: %w", asked.Name(), ErrRepeated))
	}
	p.used[place] = true
	wait := p.delay(p.calls[place])
	p.mutex.Unlock()
	if wait > 0 {
		time.Sleep(wait - time.Since(began))
	}
	p.mutex.Lock()
	p.trace[place] = Span{began, time.Now()}
	p.mutex.Unlock()
	p.calls[place].answer(writer)
}

// find chooses the recorded call that is asked for: the one with the same
// parameters, else, because passwords and times differ from run to run, the
// first of that operation that was not asked for yet.
func (p *Player) find(asked Call) int {
	var same []int
	for place, call := range p.calls {
		if call.Name() == asked.Name() {
			same = append(same, place)
		}
	}
	if len(same) == 0 {
		return -1
	}
	if len(same) > 1 {
		want := canonical(asked.Parameters)
		for _, place := range same {
			if !p.used[place] && bytes.Equal(canonical(p.calls[place].Parameters), want) {
				return place
			}
		}
		for _, place := range same {
			if !p.used[place] {
				return place
			}
		}
	}
	return same[0]
}

// canonical writes parameters with their names in order.
func canonical(parameters map[string]any) []byte {
	// What came as JSON, or as text, can be written as JSON.
	text, _ := json.Marshal(parameters)
	return text
}
