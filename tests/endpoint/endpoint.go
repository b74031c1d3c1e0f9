// Package endpoint is the address under which everybody reaches the local
// AWS: people, scripts, sam and the functions. It passes each request on to
// the emulator unchanged, records it, and lets the rig answer the few
// operations that the emulator lacks.
package endpoint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/tests/awscall"
)

// Supplement answers an operation in the emulator's place. It returns false,
// having written nothing, to let the emulator answer. The request's body can
// be read.
type Supplement func(writer http.ResponseWriter, request *http.Request, exchange awscall.Exchange) bool

// Amendment changes a good answer of the emulator: it adds what the emulator
// does not know.
type Amendment func(exchange awscall.Exchange, body []byte) ([]byte, error)

// IdleTime is how long a connection to the emulator is kept for the next call:
// less than the 5 s after which the emulator closes it, maybe on a call that it
// has just begun to carry out.
const IdleTime = 2 * time.Second

// Options say what stands behind the endpoint.
type Options struct {
	Record *awscall.Record
	// Guard refuses calls before they are answered; nil refuses none.
	Guard Supplement
	// Supplements by operation, as in "iam:SimulatePrincipalPolicy".
	Supplements map[string]Supplement
	// Amendments by operation.
	Amendments map[string]Amendment
	// Observe is informed about every exchange once it is answered. It must not block.
	Observe func(awscall.Exchange)
	Logger  *slog.Logger
}

// Endpoint is a listening proxy.
type Endpoint struct {
	URL      *url.URL
	options  Options
	listener net.Listener
	server   *http.Server
	proxy    *httputil.ReverseProxy
}

// Listen takes a free port, so that the emulator can be told the address.
// Nothing is answered before Serve.
func Listen() (*Endpoint, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("taking a port for the AWS endpoint: %w", err)
	}
	return &Endpoint{
		URL:      &url.URL{Scheme: "http", Host: listener.Addr().String()},
		listener: listener,
	}, nil
}

// Serve begins to pass requests on to the emulator.
func (e *Endpoint) Serve(emulator *url.URL, options Options) {
	e.options = options
	e.proxy = &httputil.ReverseProxy{
		Rewrite: func(request *httputil.ProxyRequest) {
			request.SetURL(emulator)
			// S3 takes the bucket from the host's name, and the host is signed.
			request.Out.Host = request.In.Host
		},
		// Compression that the caller did not ask for would change the answer.
		Transport:      &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64, IdleConnTimeout: IdleTime},
		FlushInterval:  -1,
		ModifyResponse: e.answered,
		ErrorHandler:   e.unreachable,
		ErrorLog:       slog.NewLogLogger(options.Logger.Handler(), slog.LevelWarn),
	}
	e.server = &http.Server{
		Handler:           http.HandlerFunc(e.handle),
		ReadHeaderTimeout: time.Minute,
		ErrorLog:          slog.NewLogLogger(options.Logger.Handler(), slog.LevelWarn),
	}
	go func() {
		if err := e.server.Serve(e.listener); !errors.Is(err, http.ErrServerClosed) {
			options.Logger.Error("the AWS endpoint ended", "error", err)
		}
	}()
}

// Close ends the endpoint at once: callers that still wait are cut off.
func (e *Endpoint) Close() error {
	if e.server == nil {
		return e.listener.Close()
	}
	return e.server.Close()
}

// maxBody bounds what is kept of a request or an answer; Lambda's largest
// payload is 6 MB, a deployment package goes through S3.
const maxBody = 32 << 20

type exchangeKey struct{}

func (e *Endpoint) handle(writer http.ResponseWriter, request *http.Request) {
	start := time.Now()
	var body []byte
	if !awscall.CarriesObject(request) {
		var err error
		if body, err = io.ReadAll(http.MaxBytesReader(writer, request.Body, maxBody)); err != nil {
			http.Error(writer, "reading the request: "+err.Error(), http.StatusBadRequest)
			return
		}
		request.Body = io.NopCloser(bytes.NewReader(body))
	}
	exchange := awscall.Identify(request, body, start.UTC())
	for _, supplement := range []Supplement{e.options.Guard, e.options.Supplements[exchange.Call.Name()]} {
		if supplement == nil {
			continue
		}
		recorder := httptest.NewRecorder()
		if supplement(recorder, request, exchange) {
			exchange.Answered(recorder.Code, recorder.Header(), recorder.Body.Bytes())
			e.finish(&exchange)
			for name, values := range recorder.Header() {
				writer.Header()[name] = values
			}
			writer.WriteHeader(recorder.Code)
			_, _ = writer.Write(recorder.Body.Bytes())
			return
		}
		if body != nil {
			request.Body = io.NopCloser(bytes.NewReader(body))
		}
	}
	e.proxy.ServeHTTP(writer, request.WithContext(context.WithValue(request.Context(), exchangeKey{}, &exchange)))
}

func (e *Endpoint) answered(response *http.Response) error {
	exchange := response.Request.Context().Value(exchangeKey{}).(*awscall.Exchange)
	var body []byte
	// An S3 object streams through; errors and every other answer are small.
	if exchange.Call.Service != "s3" || response.StatusCode >= 400 {
		var err error
		if body, err = io.ReadAll(io.LimitReader(response.Body, maxBody)); err != nil {
			return fmt.Errorf("reading the emulator's answer: %w", err)
		}
		if err := response.Body.Close(); err != nil {
			return fmt.Errorf("reading the emulator's answer: %w", err)
		}
		if amend, ok := e.options.Amendments[exchange.Call.Name()]; ok && response.StatusCode < 400 {
			if body, err = amend(*exchange, body); err != nil {
				return fmt.Errorf("amending the answer to %s: %w", exchange.Call.Name(), err)
			}
			response.ContentLength = int64(len(body))
			response.Header.Set("Content-Length", strconv.Itoa(len(body)))
		}
		response.Body = io.NopCloser(bytes.NewReader(body))
	}
	exchange.Answered(response.StatusCode, response.Header, body)
	e.finish(exchange)
	return nil
}

func (e *Endpoint) finish(exchange *awscall.Exchange) {
	exchange.Call.Duration = time.Since(exchange.Call.Time)
	e.options.Record.Add(exchange.Call)
	if e.options.Observe != nil {
		e.options.Observe(*exchange)
	}
}

func (e *Endpoint) unreachable(writer http.ResponseWriter, request *http.Request, err error) {
	if request.Context().Err() == nil {
		e.options.Logger.Error("the emulator did not answer", "method", request.Method, "path", request.URL.Path, "error", err)
	}
	http.Error(writer, "the emulator did not answer: "+err.Error(), http.StatusBadGateway)
}
