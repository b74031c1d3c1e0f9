package faults

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/publish"
	"github.com/ecs-guardrails/ecs-guardrails/tests/awscall"
	"github.com/ecs-guardrails/ecs-guardrails/tests/endpoint"
	"github.com/ecs-guardrails/ecs-guardrails/tests/operator"
)

// injector stands between one run of a function and everything that it calls.
type injector struct {
	// aws is the stack's endpoint, to which calls are passed on.
	aws       *url.URL
	transport http.RoundTripper
	world     *World
	// amendments change good answers, by operation.
	amendments map[string]endpoint.Amendment

	mutex sync.Mutex
	cut   Cut
	// armed is false while the world is arranged.
	armed bool
	// delivery counts what was handed to the function, firedIn is the one in which
	// the fault happened, 0 until it has.
	delivery, firedIn int
	// calls are the names of the calls, in their order.
	calls  []string
	number map[string]int
	// logical knows the SDK's attempts at one call by its invocation id.
	logical   map[string]Cut
	published []operator.Result
	sent      []string
	// commanded are the targets of commands, told the kinds of events that were
	// published.
	commanded, told map[string]bool
	// sending is informed about each message that was sent.
	sending func(queue, body string) error
}

// arm begins to count calls, and to inject the cut.
func (i *injector) arm(cut Cut) {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	i.cut, i.armed, i.delivery, i.firedIn = cut, true, 0, 0
	i.calls, i.number, i.logical = nil, map[string]int{}, map[string]Cut{}
	i.published, i.sent, i.commanded, i.told = nil, nil, map[string]bool{}, map[string]bool{}
}

// fired reports whether the fault has happened.
func (i *injector) fired() bool {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	return i.firedIn > 0
}

// meets reports whether the run is to meet a fault, and has not yet.
func (i *injector) meets(fault Fault) bool {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	return i.armed && i.cut.Fault == fault && i.firedIn == 0
}

// delivered notes that the function gets an event.
func (i *injector) delivered() {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	i.delivery++
}

// Calls are the names of the calls since arm, in their order.
func (i *injector) Calls() []string {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	return slices.Clone(i.calls)
}

// decide counts a call and says which fault it meets.
func (i *injector) decide(name, invocation string) Fault {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	if !i.armed {
		return None
	}
	call, again := i.logical[invocation]
	again = again && invocation != ""
	if !again {
		i.number[name]++
		call = Cut{Call: name, Number: i.number[name]}
		i.logical[invocation] = call
		i.calls = append(i.calls, name)
	}
	switch {
	case i.firedIn == 0 && call.Call == i.cut.Call && call.Number == i.cut.Number:
		i.firedIn = i.delivery
		return i.cut.Fault
	case i.cut.Fault.throughout() && i.firedIn == i.delivery && call.Call == i.cut.Call && (call.Number == i.cut.Number || invocation == ""):
		return i.cut.Fault
	}
	return None
}

// ServeHTTP takes the calls to AWS.
func (i *injector) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return
	}
	exchange := awscall.Identify(request, body, time.Now())
	i.world.leaves(exchange, request, body)
	fault := i.decide(exchange.Call.Name(), request.Header.Get("Amz-Sdk-Invocation-Id"))
	forward := func() *httptest.ResponseRecorder { return i.forward(request, body, exchange) }
	i.meet(writer, request, fault, forward, func() { fail(writer, exchange, fault) }, func() { pretend(writer, exchange) })
}

// registry stands before a registry in the same way.
func (i *injector) registry(next http.Handler) http.Handler {
	return http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		if err != nil {
			return
		}
		request.Body = io.NopCloser(bytes.NewReader(body))
		fault := i.decide("registry:"+request.Method+" "+numbers.ReplaceAllString(request.URL.Path, "/#"), "")
		forward := func() *httptest.ResponseRecorder {
			recorder := httptest.NewRecorder()
			next.ServeHTTP(recorder, request)
			return recorder
		}
		i.meet(writer, request, fault, forward, func() { failPlainly(writer, fault) }, func() { writer.WriteHeader(http.StatusOK) })
	})
}

// numbers are path segments that name one of many.
var numbers = regexp.MustCompile(`/\d+\b`)

// meet lets a call meet a fault.
func (i *injector) meet(writer http.ResponseWriter, request *http.Request, fault Fault, forward func() *httptest.ResponseRecorder, fail, pretend func()) {
	switch fault {
	case Throttled, ServerError, Denied:
		fail()
	case Dropped:
		pretend()
	case Silent:
		// Whoever asked gives up, or is ended.
		<-request.Context().Done()
	case ResetBefore:
		reset(writer)
	case KilledBefore:
		i.world.kill()
		reset(writer)
	case ResetAfter, KilledAfter:
		forward()
		if fault == KilledAfter {
			i.world.kill()
		}
		reset(writer)
	default:
		answer := forward()
		for name, values := range answer.Header() {
			writer.Header()[name] = values
		}
		writer.WriteHeader(answer.Code)
		_, _ = writer.Write(answer.Body.Bytes())
	}
}

// reset breaks a connection, so that its other end reads "connection reset".
func reset(writer http.ResponseWriter) {
	connection, _, err := http.NewResponseController(writer).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := connection.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = connection.Close()
}

// forward passes a call on and returns the answer. The service carries it out
// even where the caller is gone meanwhile.
func (i *injector) forward(request *http.Request, body []byte, exchange awscall.Exchange) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	target := *request.URL
	target.Scheme, target.Host = i.aws.Scheme, i.aws.Host
	out := &http.Request{
		Method: request.Method, URL: &target, Host: request.Host, Header: request.Header.Clone(),
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}
	if i.world.scenario.Unguarded && exchange.Call.Name() != "events:PutEvents" {
		// To the stack, it is a call from outside; the bus of the findings takes a
		// function's only.
		out.Header.Set("User-Agent", strings.ReplaceAll(request.UserAgent(), "app/ecs-guardrails-", "app/"))
	}
	response, err := i.transport.RoundTrip(out)
	if err != nil {
		http.Error(recorder, "the local stack did not answer: "+err.Error(), http.StatusBadGateway)
		return recorder
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil {
		answer, err = i.answered(exchange, response.StatusCode, answer)
	}
	if err != nil {
		http.Error(recorder, err.Error(), http.StatusBadGateway)
		return recorder
	}
	for name, values := range response.Header {
		if name != "Content-Length" || request.Method == http.MethodHead {
			recorder.Header()[name] = values
		}
	}
	if request.Method != http.MethodHead {
		recorder.Header().Set("Content-Length", strconv.Itoa(len(answer)))
	}
	recorder.WriteHeader(response.StatusCode)
	_, _ = recorder.Write(answer)
	return recorder
}

// Sent lists the messages that were sent, each behind its queue's name.
func (i *injector) Sent() []string {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	return slices.Clone(i.sent)
}

// Told lists the kinds of events that were published, however often.
func (i *injector) Told() []string {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	return slices.Sorted(maps.Keys(i.told))
}

// Commanded lists the targets that were sent a command, however often.
func (i *injector) Commanded() []string {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	return slices.Sorted(maps.Keys(i.commanded))
}

// answered notes what a good answer says was done, and shows of lists what
// belongs to this world alone.
func (i *injector) answered(exchange awscall.Exchange, status int, answer []byte) ([]byte, error) {
	if status >= http.StatusMultipleChoices {
		return answer, nil
	}
	name := exchange.Call.Name()
	switch name {
	case "events:PutEvents":
		results, err := publishedIn(exchange.Parameters)
		if err != nil {
			return nil, err
		}
		i.mutex.Lock()
		i.published = append(i.published, results...)
		for _, kind := range texts(exchange.Parameters, "Entries", "DetailType") {
			i.told[kind] = true
		}
		i.mutex.Unlock()
	case "ssm:SendCommand":
		targets, err := json.Marshal(exchange.Parameters["Targets"])
		if err != nil {
			return nil, fmt.Errorf("writing the targets of a command: %w", err)
		}
		i.mutex.Lock()
		i.commanded[string(targets)] = true
		i.mutex.Unlock()
	case "sqs:SendMessage", "sqs:SendMessageBatch":
		bodies := bodiesIn(exchange.Parameters)
		i.mutex.Lock()
		i.sent = append(i.sent, bodies...)
		i.mutex.Unlock()
		for _, sent := range bodies {
			if queue, body, _ := strings.Cut(sent, " "); i.sending != nil {
				if err := i.sending(queue, body); err != nil {
					return nil, err
				}
			}
		}
	}
	if amend, ok := i.amendments[name]; ok {
		var err error
		if answer, err = amend(exchange, answer); err != nil {
			return nil, fmt.Errorf("amending the answer to %s: %w", name, err)
		}
	}
	if strings.HasPrefix(exchange.Call.Operation, "List") || exchange.Call.Operation == "GetAccountAuthorizationDetails" {
		return i.world.own(answer), nil
	}
	return answer, nil
}

// texts reads one field of all items of a list.
func texts(parameters map[string]any, list, field string) []string {
	items, _ := parameters[list].([]any)
	var found []string
	for _, item := range items {
		fields, _ := item.(map[string]any)
		if value, ok := fields[field].(string); ok {
			found = append(found, value)
		}
	}
	return found
}

// publishedIn reads the findings of a call of PutEvents.
func publishedIn(parameters map[string]any) ([]operator.Result, error) {
	entries, _ := parameters["Entries"].([]any)
	var results []operator.Result
	for _, entry := range entries {
		fields, _ := entry.(map[string]any)
		detail, _ := fields["Detail"].(string)
		switch kind, _ := fields["DetailType"].(string); kind {
		case publish.FindingType:
			var result operator.Result
			if err := json.Unmarshal([]byte(detail), &result); err != nil || result.Subject == "" {
				return nil, errors.Join(fmt.Errorf("a published finding is none: %s", detail), err)
			}
			results = append(results, result)
		case publish.SweepSummaryType:
			// It reports every subject that was not compliant.
			var summary struct{ Results []operator.Result }
			if err := json.Unmarshal([]byte(detail), &summary); err != nil {
				return nil, fmt.Errorf("a published summary is none: %w: %s", err, detail)
			}
			results = append(results, summary.Results...)
		}
	}
	return results, nil
}

// bodiesIn reads the messages of a call of SendMessage or SendMessageBatch,
// each behind the name of its queue.
func bodiesIn(parameters map[string]any) []string {
	queue, _ := parameters["QueueUrl"].(string)
	queue = queue[strings.LastIndexByte(queue, '/')+1:]
	entries, batch := parameters["Entries"].([]any)
	if !batch {
		entries = []any{parameters}
	}
	var bodies []string
	for _, entry := range entries {
		fields, _ := entry.(map[string]any)
		body, _ := fields["MessageBody"].(string)
		bodies = append(bodies, queue+" "+body)
	}
	return bodies
}
