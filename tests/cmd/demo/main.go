// Demo starts the local stack and plays what an operator lives through, by
// plain API calls. Each scene shows the problem, what the function changed and what
// allowed it, and holds the real state against what should have happened. The exit
// code is 1 if anything did not. The story takes 60 lines at 80 columns at most;
// its test reads the one that demo -record has written down.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
)

// sceneTimeout bounds a scene on an idle machine, where the longest takes some
// ten seconds.
const sceneTimeout = 45 * time.Second

var record = flag.String("record", "", "write the story to this `file`, for the test of its length")

func main() {
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	display := newScreen(os.Stdout)
	err := run(ctx, display)
	interrupted := ctx.Err() != nil
	stop()
	switch {
	case interrupted:
		fmt.Fprintln(os.Stderr, "demo: interrupted; everything that was started is stopped")
	case err != nil:
		fmt.Fprintln(os.Stderr, "demo:", err)
	}
	if err != nil {
		os.Exit(1)
	}
}

func run(ctx context.Context, display *screen) (err error) {
	opening(display)
	start := time.Now()
	steps := &progress{screen: display}
	running, err := stack.Start(ctx, stack.Options{
		Progress: steps,
	})
	steps.end()
	if err != nil {
		return err
	}
	defer func() {
		done := display.waiting("stopping the local AWS")
		stopped := running.Stop()
		done()
		err = errors.Join(err, stopped)
	}()
	play, err := newPlay(ctx, running, display)
	if err != nil {
		return err
	}
	outcomes := play.all(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if *record != "" {
		if err := keep(*record, play.tape); err != nil {
			return err
		}
	}
	missing := 0
	for _, of := range outcomes {
		if of.err != nil {
			missing++
		}
	}
	if missing > 0 {
		return fmt.Errorf("%d of %d scenes did not happen as they should", missing, len(outcomes))
	}
	ending(display, len(outcomes), time.Since(start))
	return nil
}

// opening begins with the problem.
func opening(display *screen) {
	display.line(display.styled(bold, "An ECS task does not start, and AWS does not say why: causes, and their end"))
	display.line("   Starting a local AWS and deploying the stack, about a minute …")
}

// ending says what to do next.
func ending(display *screen, problems int, took time.Duration) {
	display.line(display.styled(green, fmt.Sprintf("✓ All %d problems ended, checked against the real state, in %s.", problems, seconds(took))))
	for index, next := range []string{
		"make scan       see what is wrong in your account; changes nothing",
		"go run ./functions/validate-config FILE     check a file",
		"make local      keep this stack running, to try things",
		"make deploy     deploy to your account, first as a dry run",
	} {
		label := ""
		if index == 0 {
			label = "next"
		}
		display.tell(label, "", next, 1)
	}
}

// keep writes the story to a file, from which a test counts its lines.
func keep(file string, tape []telling) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(tape); err != nil {
		return fmt.Errorf("writing the story down: %w", err)
	}
	return os.WriteFile(file, text.Bytes(), 0o600)
}
