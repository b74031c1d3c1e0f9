// Demo starts the local stack and plays what an operator lives through, by
// plain API calls. Each scene shows before, event, what the function did, and
// after, and holds the real state against what should have happened. The exit
// code is 1 if anything did not.
package main

import (
	"context"
	"errors"
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

func main() {
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
	display.line(display.styled(bold, "ECS Guardrails: what keeps instances out and tasks down, and how it ends"))
	display.line("   Starting a local AWS and deploying the stack, about a minute …")
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
	missing := 0
	for _, of := range outcomes {
		if of.err != nil {
			missing++
		}
	}
	if missing > 0 {
		return fmt.Errorf("%d of %d scenes did not happen as they should", missing, len(outcomes))
	}
	display.line(display.styled(green, fmt.Sprintf("✓ All %d problems ended, checked against the real state, in %s.", len(outcomes), seconds(time.Since(start)))))
	display.line(display.styled(bold, "What next"))
	for _, next := range [][2]string{
		{"account", "make scan                 reads only"},
		{"file", "go run ./functions/validate-config ecs.config"},
		{"play", "make local                keeps this stack running"},
		{"deploy", "make deploy               a dry run by default"},
	} {
		display.tell(next[0], next[1])
	}
	return nil
}
