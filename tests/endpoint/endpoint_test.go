package endpoint

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/tests/awscall"
)

// start puts an endpoint in front of a handler that stands for the emulator.
func start(t *testing.T, emulator http.HandlerFunc, options Options) (*Endpoint, *awscall.Record) {
	t.Helper()
	behind := httptest.NewServer(emulator)
	t.Cleanup(behind.Close)
	address, err := url.Parse(behind.URL)
	if err != nil {
		t.Fatal(err)
	}
	front, err := Listen()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := front.Close(); err != nil {
			t.Error(err)
		}
	})
	options.Record = awscall.NewRecord(io.Discard)
	options.Logger = slog.New(slog.DiscardHandler)
	front.Serve(address, options)
	return front, options.Record
}

func request(t *testing.T, method, address, service string, body io.Reader) *http.Request {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20261122/us-east-1/"+service+"/aws4_request, Signature=0")
	return request
}

func do(t *testing.T, request *http.Request) (*http.Response, string) {
	t.Helper()
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

func TestRequestsPassUnchanged(t *testing.T) {
	content := strings.Repeat("ECS_CLUSTER=x\n", 1<<16)
	front, record := start(t, func(writer http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		if err != nil {
			t.Error(err)
		}
		if string(body) != content || request.ContentLength != int64(len(content)) {
			t.Errorf("the emulator got %d bytes of %d", len(body), request.ContentLength)
		}
		if request.Host != "acme.localhost:4566" || request.URL.RequestURI() != "/a%2Fb/ecs.config?x-id=PutObject" {
			t.Errorf("the emulator got %s %s", request.Host, request.URL.RequestURI())
		}
		for _, header := range []string{"X-Forwarded-For", "Accept-Encoding"} {
			if value := request.Header.Get(header); value != "" {
				t.Errorf("the emulator got %s: %s", header, value)
			}
		}
		if got := request.Header.Get("X-Amz-Content-Sha256"); got != "STREAMING-UNSIGNED-PAYLOAD-TRAILER" {
			t.Errorf("the emulator got X-Amz-Content-Sha256 %q", got)
		}
		writer.Header().Set("ETag", `"1"`)
	}, Options{})
	put := request(t, http.MethodPut, front.URL.String()+"/a%2Fb/ecs.config?x-id=PutObject", "s3", strings.NewReader(content))
	put.Host = "acme.localhost:4566"
	put.Header.Set("X-Amz-Content-Sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
	// What a client that speaks no compression sends.
	put.Header["Accept-Encoding"] = nil
	transport := &http.Transport{DisableCompression: true}
	response, err := transport.RoundTrip(put)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK || response.Header.Get("ETag") != `"1"` {
		t.Errorf("the caller got %d, ETag %s", response.StatusCode, response.Header.Get("ETag"))
	}
	if calls := record.Calls(nil); len(calls) != 1 || calls[0].Name() != "s3:PutObject" || calls[0].Status != http.StatusOK {
		t.Errorf("the record has %+v", calls)
	}
}

func TestErrorsAreRecorded(t *testing.T) {
	const failure = `<ErrorResponse><Error><Code>NoSuchEntity</Code><Message>gone</Message></Error></ErrorResponse>`
	var observed []awscall.Exchange
	front, record := start(t, func(writer http.ResponseWriter, _ *http.Request) {
		writer.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(writer, failure)
	}, Options{Observe: func(exchange awscall.Exchange) { observed = append(observed, exchange) }})
	post := request(t, http.MethodPost, front.URL.String(), "iam", strings.NewReader("Action=GetRole&RoleName=r"))
	post.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, body := do(t, post)
	if response.StatusCode != http.StatusNotFound || body != failure {
		t.Errorf("the caller got %d %s", response.StatusCode, body)
	}
	calls := record.Calls(nil)
	if len(calls) != 1 || calls[0].Name() != "iam:GetRole" || calls[0].ErrorCode != "NoSuchEntity" || !calls[0].Failed() {
		t.Errorf("the record has %+v", calls)
	}
	if len(observed) != 1 || string(observed[0].Response) != failure {
		t.Errorf("the observer got %+v", observed)
	}
}

func TestSupplementsAnswerOrStandAside(t *testing.T) {
	front, record := start(t, func(writer http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		if err != nil {
			t.Error(err)
		}
		_, _ = writer.Write(body)
	}, Options{
		Supplements: map[string]Supplement{
			"iam:AttachRolePolicy": func(writer http.ResponseWriter, request *http.Request, exchange awscall.Exchange) bool {
				// Anyone who reads the body must not take it from the emulator.
				_, _ = io.Copy(io.Discard, request.Body)
				if exchange.Parameters["RoleName"] != "full" {
					return false
				}
				WriteQueryError(writer, http.StatusConflict, "LimitExceeded", "no more")
				return true
			},
		},
		Amendments: map[string]Amendment{
			"iam:GetRole": func(_ awscall.Exchange, body []byte) ([]byte, error) { return append(body, "&Amended=1"...), nil },
		},
	})
	send := func(form string) (*http.Response, string) {
		post := request(t, http.MethodPost, front.URL.String(), "iam", bytes.NewReader([]byte(form)))
		post.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return do(t, post)
	}
	if response, body := send("Action=AttachRolePolicy&RoleName=full"); response.StatusCode != http.StatusConflict || !strings.Contains(body, "<Code>LimitExceeded</Code>") {
		t.Errorf("the supplement answered %d %s", response.StatusCode, body)
	}
	if _, body := send("Action=AttachRolePolicy&RoleName=empty"); body != "Action=AttachRolePolicy&RoleName=empty" {
		t.Errorf("the emulator answered %s", body)
	}
	if response, body := send("Action=GetRole"); body != "Action=GetRole&Amended=1" || response.ContentLength != int64(len(body)) {
		t.Errorf("the amended answer is %s (%d)", body, response.ContentLength)
	}
	calls := record.Calls(nil)
	if len(calls) != 3 || calls[0].ErrorCode != "LimitExceeded" || calls[1].Failed() {
		t.Errorf("the record has %+v", calls)
	}
}

func TestAnEmulatorThatIsGone(t *testing.T) {
	front, _ := start(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, Options{})
	response, body := do(t, request(t, http.MethodPost, front.URL.String(), "ecs", strings.NewReader("{}")))
	if response.StatusCode != http.StatusBadGateway || !strings.Contains(body, "the emulator did not answer") {
		t.Errorf("the caller got %d %s", response.StatusCode, body)
	}
}
