package lambdaruntime

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/google/uuid"
)

// TestMain is the function under test, too, where the runtime API says so.
func TestMain(m *testing.M) {
	if os.Getenv("AWS_LAMBDA_RUNTIME_API") == "" {
		os.Exit(m.Run())
	}
	lambda.Start(func(ctx context.Context, event struct{ Do string }) (any, error) {
		switch event.Do {
		case "fail":
			return nil, errors.New("as it was told")
		case "hang":
			select {}
		case "exit":
			os.Exit(3)
		}
		fmt.Println("said by the function")
		deadline, _ := ctx.Deadline()
		called, _ := lambdacontext.FromContext(ctx)
		return map[string]any{"id": called.AwsRequestID, "left": time.Until(deadline), "setting": os.Getenv("SETTING"), "process": os.Getpid()}, nil
	})
}

// output collects what a process writes.
type output struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (o *output) Write(text []byte) (int, error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.text.Write(text)
}

func start(t *testing.T) (*Process, *output) {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	written := &output{}
	process, err := Start(Options{Binary: binary, Function: "told", ARN: "arn:told", Environment: []string{"SETTING=set"}, Output: written})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(process.Kill)
	return process, written
}

func TestAFunctionAnswers(t *testing.T) {
	process, written := start(t)
	var processes []int
	for range 2 {
		id := uuid.New()
		answer, err := process.Invoke(t.Context(), id, []byte(`{}`), time.Minute)
		if err != nil || !answer.Succeeded() {
			t.Fatalf("%+v, %v", answer, err)
		}
		var told struct {
			ID, Setting string
			Left        time.Duration
			Process     int
		}
		if err := json.Unmarshal(answer.Payload, &told); err != nil {
			t.Fatal(err)
		}
		if told.ID != id.String() || told.Setting != "set" || told.Left > time.Minute || told.Left < 50*time.Second {
			t.Errorf("the function saw %+v", told)
		}
		processes = append(processes, told.Process)
	}
	if processes[0] != processes[1] {
		t.Error("the second event was not answered by the warm process")
	}
	answer, err := process.Invoke(t.Context(), uuid.New(), []byte(`{"Do":"fail"}`), time.Minute)
	if err != nil || !answer.Failed || answer.Succeeded() || !strings.Contains(string(answer.Payload), "as it was told") {
		t.Errorf("told to fail: %s, %v", answer.Payload, err)
	}
	process.Kill()
	if !process.Ended() || !strings.Contains(written.text.String(), "said by the function") {
		t.Errorf("it wrote %q", written.text.String())
	}
}

func TestAFunctionIsEnded(t *testing.T) {
	for do, want := range map[string]Answer{"hang": {TimedOut: true}, "exit": {Exited: true}} {
		process, _ := start(t)
		timeout := time.Minute
		if want.TimedOut {
			timeout = time.Second
		}
		answer, err := process.Invoke(t.Context(), uuid.New(), []byte(`{"Do":"`+do+`"}`), timeout)
		if err != nil || answer.TimedOut != want.TimedOut || answer.Exited != want.Exited || answer.Succeeded() || !process.Ended() {
			t.Errorf("%s: %+v, %v", do, answer, err)
		}
	}
}
