// Package lambdaruntime runs a function's binary as Lambda does: one process
// that asks the runtime API for events and answers there (Lambda Developer
// Guide, "Using the Lambda runtime API for custom runtimes").
package lambdaruntime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
)

// Options say what to run.
type Options struct {
	Binary string
	// Function is the name that Lambda knows the function by, ARN the function's.
	Function, ARN string
	// Environment are the function's variables, "NAME=value", beside those that
	// Lambda sets itself.
	Environment []string
	// Output takes what the process writes, standard output and error alike.
	Output io.Writer
}

// Process is a running function.
type Process struct {
	options Options
	command *exec.Cmd
	server  *http.Server
	// events are handed to the process, one at a time.
	events chan invocation
	ended  chan struct{}

	mutex   sync.Mutex
	running map[string]chan Answer
}

type invocation struct {
	id, trace string
	payload   []byte
	deadline  time.Time
}

// Answer is what came of an invocation.
type Answer struct {
	// Payload is what the function returned, or the error that it reported.
	Payload []byte
	// Failed says that it reported an error.
	Failed bool
	// Exited says that the process ended before it answered, TimedOut that it was
	// ended because its time was up.
	Exited, TimedOut bool
}

// Succeeded reports whether the function answered without an error.
func (a Answer) Succeeded() bool { return !a.Failed && !a.Exited && !a.TimedOut }

// Start runs the binary. It lives until Kill or an invocation's time-out.
func Start(options Options) (*Process, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("taking a port for the runtime API: %w", err)
	}
	process := &Process{
		options: options, events: make(chan invocation), ended: make(chan struct{}), running: map[string]chan Answer{},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", process.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", process.answer(false))
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", process.answer(true))
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", func(writer http.ResponseWriter, _ *http.Request) {
		writer.WriteHeader(http.StatusAccepted)
	})
	process.server = &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	process.command = exec.Command(options.Binary)
	process.command.Stdout, process.command.Stderr = options.Output, options.Output
	process.command.Env = append([]string{
		"AWS_LAMBDA_RUNTIME_API=" + listener.Addr().String(),
		"AWS_LAMBDA_FUNCTION_NAME=" + options.Function,
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256",
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/" + options.Function,
		"AWS_LAMBDA_LOG_STREAM_NAME=2026/11/22/[$LATEST]0",
		"AWS_LAMBDA_LOG_FORMAT=JSON",
		"AWS_EXECUTION_ENV=AWS_Lambda_provided.al2023",
		"LAMBDA_TASK_ROOT=/var/task",
		"TZ=:UTC",
	}, options.Environment...)
	if err := process.command.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("starting %s: %w", options.Binary, err), listener.Close())
	}
	// It ends with Kill.
	go func() { _ = process.server.Serve(listener) }()
	go func() {
		_ = process.command.Wait()
		close(process.ended)
	}()
	return process, nil
}

// Kill ends the process at once, as when its machine is gone.
func (p *Process) Kill() {
	_ = p.command.Process.Kill()
	<-p.ended
	_ = p.server.Close()
}

// Ended reports whether the process is gone.
func (p *Process) Ended() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// Invoke hands an event to the function and waits for its answer, at most until
// its time is up. The id is the request's; an asynchronous event that comes again
// has the one that it had before.
func (p *Process) Invoke(ctx context.Context, id uuid.UUID, payload []byte, timeout time.Duration) (Answer, error) {
	request, trace := id.String(), strings.ReplaceAll(uuid.NewString(), "-", "")
	answered := make(chan Answer, 1)
	p.mutex.Lock()
	p.running[request] = answered
	p.mutex.Unlock()
	defer func() {
		p.mutex.Lock()
		defer p.mutex.Unlock()
		delete(p.running, request)
	}()
	now := time.Now()
	event := invocation{
		id: request, payload: payload, deadline: now.Add(timeout),
		trace: fmt.Sprintf("Root=1-%08x-%s;Parent=%s;Sampled=1", now.Unix(), trace[:24], trace[:16]),
	}
	up := time.NewTimer(timeout)
	defer up.Stop()
	events := p.events
	for {
		select {
		case events <- event:
			events = nil
		case answer := <-answered:
			return answer, nil
		case <-p.ended:
			select {
			case answer := <-answered:
				return answer, nil
			default:
				return Answer{Exited: true}, nil
			}
		case <-up.C:
			p.Kill()
			return Answer{TimedOut: true}, nil
		case <-ctx.Done():
			p.Kill()
			return Answer{}, fmt.Errorf("invoking %s: %w", p.options.Function, ctx.Err())
		}
	}
}

func (p *Process) next(writer http.ResponseWriter, request *http.Request) {
	select {
	case <-request.Context().Done():
	case event := <-p.events:
		header := writer.Header()
		header.Set("Content-Type", "application/json")
		header.Set("Lambda-Runtime-Aws-Request-Id", event.id)
		header.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(event.deadline.UnixMilli(), 10))
		header.Set("Lambda-Runtime-Invoked-Function-Arn", p.options.ARN)
		header.Set("Lambda-Runtime-Trace-Id", event.trace)
		_, _ = writer.Write(event.payload)
	}
}

func (p *Process) answer(failed bool) http.HandlerFunc {
	return func(writer http.ResponseWriter, request *http.Request) {
		payload, err := io.ReadAll(request.Body)
		if err != nil {
			http.Error(writer, "reading the answer: "+err.Error(), http.StatusBadRequest)
			return
		}
		p.mutex.Lock()
		answered, ok := p.running[request.PathValue("id")]
		delete(p.running, request.PathValue("id"))
		p.mutex.Unlock()
		if !ok {
			http.Error(writer, `{"errorType":"InvalidRequestID"}`, http.StatusBadRequest)
			return
		}
		if !failed && !json.Valid(payload) {
			failed = true
		}
		answered <- Answer{Payload: payload, Failed: failed}
		writer.WriteHeader(http.StatusAccepted)
	}
}
