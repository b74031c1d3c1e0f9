// Package adversary plays the exploits that were ever found against the stack,
// end to end on the local stack, and prints the result of each:
//
//	go -C tests test ./adversary -v -run TestExploits
//
// Each exploit is a Case beside its control: the legitimate use that looks alike
// and must still work with default parameters.
package adversary

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/tests/operator"
	"github.com/ecs-guardrails/ecs-guardrails/tests/patience"
	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
)

// bound is how long a case waits for something to happen, on an idle machine.
const bound = 3 * time.Minute

// world is the one stack that all cases share. Cases run side by side, so each
// names what it makes after itself.
type world struct {
	*operator.Operator
	// Topic gets the e-mails, Chat the chat messages.
	Topic, Chat *operator.Inbox
	// closers end what cases run, after the last of them.
	mutex   sync.Mutex
	closers []func() error
}

// atEnd has something done after the last case.
func (w *world) atEnd(end func() error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.closers = append(w.closers, end)
}

// Case is one exploit, or its control.
type Case struct {
	// Number is the fault's number in the review that found it; 0 for one found
	// later.
	Number int
	// Exploit says in one sentence what is tried, and Limit what stops it.
	Exploit, Limit string
	// Play tries it, and fails the test where it succeeds.
	Play func(*testing.T, *world)
	// Control is the legitimate use that must still work; nil where another case
	// has it.
	Control func(*testing.T, *world)
	// Alone says that the case needs the stack to itself.
	Alone bool
}

// cases of all files, each of which adds its own in init.
var cases []Case

func add(more ...Case) { cases = append(cases, more...) }

var shared *world

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "12"); err != nil {
		panic(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code, err := run(ctx, m)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "the local stack:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

func run(ctx context.Context, m *testing.M) (code int, err error) {
	running, err := stack.Start(ctx, stack.Options{
		Name: "test-adversary-" + strconv.Itoa(os.Getpid()), Progress: os.Stderr,
		// What the cases 6, 15 and 16 are about. All else has its default.
		Parameters: map[string]string{
			"Allow": "cure-execution-roles,refresh-cluster-instances", "SweepChangeLimit": strconv.Itoa(sweepChangeLimit),
			"RolePath": rolePath, "PermissionsBoundaryArn": boundary,
		},
	})
	if err != nil {
		return 1, err
	}
	end := sync.OnceValue(running.Stop)
	context.AfterFunc(ctx, func() { _ = end() })
	defer func() {
		if endErr := end(); endErr != nil {
			err = endErr
		}
	}()
	shared = &world{Operator: operator.New(running)}
	if shared.Topic, err = shared.SubscribeTopic(ctx, "FindingsTopic", "adversary-mail"); err != nil {
		return 1, err
	}
	if shared.Chat, err = shared.SubscribeTopic(ctx, "ChatTopic", "adversary-chat"); err != nil {
		return 1, err
	}
	code = m.Run()
	for _, closer := range shared.closers {
		err = errors.Join(err, closer())
	}
	return code, err
}

// row is the result of a case.
type row struct {
	number             int
	exploit, limit     string
	stopped, permitted string
}

// TestExploits plays every case, and prints the table.
func TestExploits(t *testing.T) {
	var mutex sync.Mutex
	var rows []row
	outcome := func(passed bool, good, bad string) string {
		if passed {
			return good
		}
		return bad
	}
	play := func(t *testing.T, of Case) {
		result := row{number: of.Number, exploit: of.Exploit, limit: of.Limit, permitted: "–"}
		result.stopped = outcome(t.Run("exploit", func(t *testing.T) { of.Play(t, shared) }), "stopped", "SUCCEEDS")
		if of.Control != nil {
			result.permitted = outcome(t.Run("control", func(t *testing.T) { of.Control(t, shared) }), "works", "BROKEN")
		}
		mutex.Lock()
		defer mutex.Unlock()
		rows = append(rows, result)
	}
	name := func(of Case) string { return fmt.Sprintf("%02d %s", of.Number, of.Exploit) }
	t.Run("side by side", func(t *testing.T) {
		for _, of := range cases {
			if !of.Alone {
				t.Run(name(of), func(t *testing.T) {
					t.Parallel()
					play(t, of)
				})
			}
		}
	})
	for _, of := range cases {
		if of.Alone {
			t.Run(name(of), func(t *testing.T) { play(t, of) })
		}
	}
	slices.SortStableFunc(rows, func(a, b row) int {
		if a.number != b.number {
			return a.number - b.number
		}
		return strings.Compare(a.exploit, b.exploit)
	})
	var table bytes.Buffer
	writer := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(writer, "no.\texploit\toutcome\tcontrol\twhat stops it")
	for _, of := range rows {
		fmt.Fprintf(writer, "%d\t%s\t%s\t%s\t%s\n", of.number, of.exploit, of.stopped, of.permitted, of.limit)
	}
	_ = writer.Flush()
	fmt.Print(table.String())
}

// eventually waits until the condition holds.
func eventually(t *testing.T, what string, condition func(context.Context) (bool, error)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience.Scale(bound))
	defer cancel()
	if err := stack.Wait(ctx, what, condition); err != nil {
		t.Fatal(err)
	}
}

// result waits for a result of a function that matches.
func (w *world) result(t *testing.T, function, what string, match func(operator.Result) bool) operator.Result {
	t.Helper()
	var found operator.Result
	eventually(t, function+" has logged "+what, func(ctx context.Context) (bool, error) {
		results, err := w.Results(ctx, function)
		for _, result := range results {
			if match(result) {
				found = result
				return true, err
			}
		}
		return false, err
	})
	return found
}

// must gives the value of a call that has to succeed.
func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}
