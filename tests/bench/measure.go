package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/tests/bench/replay"
	"github.com/ecs-guardrails/ecs-guardrails/tests/operator"
	"github.com/ecs-guardrails/ecs-guardrails/tests/runtimeinterface"
)

// idle is understood and answered by every function without a call to AWS.
const idle = `{"source":"ecs-guardrails.bench","detail-type":"Nothing To Do","detail":{}}`

// runner starts functions.
type runner struct {
	// emulator is the runtime interface emulator, python the interpreter that
	// has the Python runtime.
	emulator, python string
	// empty and bare are the yardsticks' binaries, functions those that ship, by
	// name.
	empty, bare string
	functions   map[string]string
	// environment is what each deployed function has.
	environment map[string][]string
	// sources is the folder of this program, folder one for scripts.
	sources, folder string
}

// shipped is one of the stack's functions.
func (r *runner) shipped(name, endpoint string) runtimeinterface.Function {
	return runtimeinterface.Function{
		Name: name, Command: []string{r.functions[name]},
		Environment: append(slices.Clone(r.environment[name]), "MODE=enforce", "AWS_ENDPOINT_URL="+endpoint),
	}
}

func (r *runner) emptyFunction() runtimeinterface.Function {
	return runtimeinterface.Function{Name: "empty", Command: []string{r.empty}}
}

// bareFunction and pythonFunction make the calls of a script.
func (r *runner) bareFunction(script, endpoint string) runtimeinterface.Function {
	return runtimeinterface.Function{
		Name: "bare", Command: []string{r.bare}, Environment: []string{"CALLS=" + script, "AWS_ENDPOINT_URL=" + endpoint},
	}
}

func (r *runner) pythonFunction(script, endpoint string) runtimeinterface.Function {
	return runtimeinterface.Function{
		Name: "python", Command: []string{r.python, "-m", "awslambdaric", "handler.handler"}, Folder: filepath.Join(r.sources, "python"),
		// Lambda sets it beside AWS_REGION, and boto3 reads this one alone.
		Environment: []string{"CALLS=" + script, "AWS_ENDPOINT_URL=" + endpoint, "AWS_DEFAULT_REGION=us-east-1", "PYTHONDONTWRITEBYTECODE=1"},
	}
}

// once starts a function, sends it an event, and stops it.
func (r *runner) once(ctx context.Context, function runtimeinterface.Function, event []byte) (time.Duration, error) {
	process, err := runtimeinterface.Start(ctx, r.emulator, function)
	if err != nil {
		return 0, err
	}
	defer process.Stop()
	_, took, err := process.Invoke(ctx, event)
	return took, err
}

// record sends an event to a function that has just started, before the real
// stack, and gives the calls that it makes. AWS's answers name the function as the
// runtime interface emulator does: rotate-secret serves only the secrets that name it.
func (r *runner) record(ctx context.Context, account *operator.Operator, of occasion) ([]replay.Call, error) {
	recorder, err := replay.Record(account.Stack.Endpoint, strings.NewReplacer(account.FunctionARN(of.function), runtimeinterface.ARN(of.function)))
	if err != nil {
		return nil, err
	}
	defer recorder.Close()
	if _, err := r.once(ctx, r.shipped(of.function, recorder.URL), of.event); err != nil {
		return nil, err
	}
	calls, err := recorder.Calls()
	if err == nil && len(calls) == 0 {
		err = fmt.Errorf("%s called nothing", of.function)
	}
	return calls, err
}

const (
	// traced is how many runs an order is read from: two calls that do not wait
	// for one another end in one order in all of them once in a thousand times.
	traced = 10
	// slowest and fastest are how long an answer takes in those runs: long enough
	// for calls that go side by side to begin before any of them ends.
	fastest, slowest = 8 * time.Millisecond, 40 * time.Millisecond
)

// disturbances bounds how often one run is taken again.
const disturbances = 3

// errOthers says that an event led to other calls than it did before.
var errOthers = errors.New("not the calls of the events before")

// undisturbed takes a run again in which an SDK repeated a call, as it does where
// an answer is too quick for it (replay.Quickly), or in which a function looked
// up again what it had remembered for its time.
func undisturbed(run func() error) error {
	var err error
	for range disturbances {
		if err = run(); !errors.Is(err, replay.ErrRepeated) && !errors.Is(err, errOthers) {
			return err
		}
	}
	return err
}

// trace runs an invocation with answers of random slowness.
func (r *runner) trace(player *replay.Player, random *rand.Rand, invoke func() error) ([]replay.Trace, error) {
	var traces []replay.Trace
	for range traced {
		var trace replay.Trace
		err := undisturbed(func() (err error) {
			player.Begin(replay.Between(random, fastest, slowest))
			if err = invoke(); err != nil {
				return err
			}
			trace, err = player.End()
			if err == nil && len(traces) > 0 && !slices.Equal(slices.Sorted(maps.Keys(trace)), slices.Sorted(maps.Keys(traces[0]))) {
				err = fmt.Errorf("%d calls after %d: %w", len(trace), len(traces[0]), errOthers)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		traces = append(traces, trace)
	}
	return traces, nil
}

// sameOrder lets a program make a script's calls, and fails where it makes
// others or waits for others than the script says.
func (r *runner) sameOrder(player *replay.Player, random *rand.Rand, want map[int][]int, invoke func() error) error {
	var traces []replay.Trace
	// By chance, calls that do not wait for one another can look as if they did.
	for range 3 {
		more, err := r.trace(player, random, invoke)
		if err != nil {
			return err
		}
		traces = append(traces, more...)
		if maps.EqualFunc(replay.Order(traces), want, slices.Equal) {
			return nil
		}
	}
	return fmt.Errorf("its calls are in the order %v, those of the function in %v", replay.Order(traces), want)
}

// writeScript writes the calls for the yardsticks.
func (r *runner) writeScript(name string, calls []replay.Call, order map[int][]int) (string, error) {
	text, err := json.Marshal(replay.Script(calls, order))
	if err != nil {
		return "", fmt.Errorf("write the script of %s: %w", name, err)
	}
	path := filepath.Join(r.folder, name+".json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return "", fmt.Errorf("write the script of %s: %w", name, err)
	}
	return path, nil
}

// visit is what an occasion costs.
type visit struct {
	occasion
	// cold and warm are the calls, and how deep they are, of the first event that
	// a function gets, and of those after it.
	coldCalls, coldDepth, warmCalls, warmDepth int
	// first is the time to the first answer, calls answered at once; again the
	// time of those after it; slow the same where AWS is as slow as the emulator.
	first, again, slow timings
	// memory is the most that the function and the Python one held, in bytes.
	memory, pythonMemory int64
}

// timings are of the function, of the bare calls and of the Python function.
type timings struct{ function, bare, python []time.Duration }

// rounds say how often each is measured, and over how many roles.
type rounds struct{ cold, warm, slow, sweeps, roles int }

func (r *runner) visit(ctx context.Context, of occasion, calls []replay.Call, rounds rounds) (visit, error) {
	result := visit{occasion: of}
	random := rand.New(rand.NewPCG(1, 2))
	player, err := replay.Play(calls)
	if err != nil {
		return result, err
	}
	defer player.Close()
	handler := r.shipped(of.function, player.URL)

	coldTraces, err := r.trace(player, random, func() error {
		_, err := r.once(ctx, handler, of.event)
		return err
	})
	if err != nil {
		return result, err
	}
	coldOrder := replay.Order(coldTraces)
	result.coldCalls, result.coldDepth = len(coldOrder), replay.Depth(coldOrder)
	coldScript, err := r.writeScript("cold", calls, coldOrder)
	if err != nil {
		return result, err
	}

	warm, err := runtimeinterface.Start(ctx, r.emulator, handler)
	if err != nil {
		return result, err
	}
	defer warm.Stop()
	player.Begin(replay.Quickly)
	if _, _, err := warm.Invoke(ctx, of.event); err != nil {
		return result, err
	}
	warmTraces, err := r.trace(player, random, invoking(ctx, warm, of.event))
	if err != nil {
		return result, err
	}
	warmOrder := replay.Order(warmTraces)
	result.warmCalls, result.warmDepth = len(warmOrder), replay.Depth(warmOrder)
	warmScript, err := r.writeScript("warm", calls, warmOrder)
	if err != nil {
		return result, err
	}

	bare, err := runtimeinterface.Start(ctx, r.emulator, r.bareFunction(warmScript, player.URL))
	if err != nil {
		return result, err
	}
	defer bare.Stop()
	python, err := runtimeinterface.Start(ctx, r.emulator, r.pythonFunction(warmScript, player.URL))
	if err != nil {
		return result, err
	}
	defer python.Stop()
	for name, process := range map[string]*runtimeinterface.Process{"bare": bare, "python": python} {
		if err := r.sameOrder(player, random, warmOrder, invoking(ctx, process, of.event)); err != nil {
			return result, fmt.Errorf("the yardstick %s: %w", name, err)
		}
	}

	timed := func(delay replay.Delay, invoke func() (time.Duration, error), want int, into *[]time.Duration) error {
		return undisturbed(func() error {
			player.Begin(delay)
			took, err := invoke()
			if err != nil {
				return err
			}
			trace, err := player.End()
			if err == nil && len(trace) != want {
				err = fmt.Errorf("%d calls, not %d: %w", len(trace), want, errOthers)
			}
			if err == nil {
				*into = append(*into, took)
			}
			return err
		})
	}
	measure := func(rounds int, delay replay.Delay, into *timings) error {
		for range rounds {
			for _, one := range []struct {
				process *runtimeinterface.Process
				into    *[]time.Duration
			}{{warm, &into.function}, {bare, &into.bare}, {python, &into.python}} {
				if err := timed(delay, func() (time.Duration, error) {
					_, took, err := one.process.Invoke(ctx, of.event)
					return took, err
				}, result.warmCalls, one.into); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if err := measure(rounds.warm, replay.Quickly, &result.again); err != nil {
		return result, err
	}
	if err := measure(rounds.slow, replay.AsRecorded, &result.slow); err != nil {
		return result, err
	}
	if result.memory, err = warm.PeakMemory(); err != nil {
		return result, err
	}
	if result.pythonMemory, err = python.PeakMemory(); err != nil {
		return result, err
	}

	for range rounds.cold {
		for _, one := range []struct {
			function runtimeinterface.Function
			into     *[]time.Duration
		}{{handler, &result.first.function}, {r.pythonFunction(coldScript, player.URL), &result.first.python}} {
			if err := timed(replay.Quickly, func() (time.Duration, error) { return r.once(ctx, one.function, of.event) }, result.coldCalls, one.into); err != nil {
				return result, err
			}
		}
	}
	return result, nil
}

func invoking(ctx context.Context, process *runtimeinterface.Process, event []byte) func() error {
	return func() error {
		_, _, err := process.Invoke(ctx, event)
		return err
	}
}

// start is how a function starts without calls.
type start struct {
	name   string
	zipped int64
	// first is the time to the first answer to an event that concerns no one.
	first []time.Duration
}

// starts measures the empty function, which comes first, and those that ship.
func (r *runner) starts(ctx context.Context, rounds int) ([]*start, error) {
	all := []*start{{name: "empty"}}
	for _, name := range slices.Sorted(maps.Keys(r.functions)) {
		all = append(all, &start{name: name})
	}
	// In turn, so that a change of the machine's speed meets all alike; the first
	// round only warms the disk's cache.
	for round := range rounds + 1 {
		for _, one := range all {
			function := r.emptyFunction()
			if one.name != "empty" {
				function = r.shipped(one.name, "http://127.0.0.1:9")
			}
			took, err := r.once(ctx, function, []byte(idle))
			if err != nil {
				return nil, err
			}
			if round > 0 {
				one.first = append(one.first, took)
			}
		}
	}
	for _, one := range all {
		path := r.empty
		if one.name != "empty" {
			path = r.functions[one.name]
		}
		var err error
		if one.zipped, err = zippedSize(path); err != nil {
			return nil, err
		}
	}
	return all, nil
}
