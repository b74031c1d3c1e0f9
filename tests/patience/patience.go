// Package patience bounds waits on a machine that may be busy with other work.
// A wait ends when nothing has happened for a while, however long it takes in
// all, and that while grows with how slow the machine is at the moment.
package patience

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

const (
	// Stall is how long nothing may happen on an idle machine. A function that
	// starts, or that waits for an answer that doesn't come, makes no call for
	// half a minute at most.
	Stall = 90 * time.Second
	// Longest is how long a wait takes at most on an idle machine, also where
	// something happens all the time: a message that fails, and is delivered
	// again and again, makes calls, too.
	Longest = 10 * time.Minute
	// A condition is asked for at first after shortest, then less and less often
	// down to once in interval: each of many waits costs the machine that does what
	// they wait for.
	shortest = 50 * time.Millisecond
	interval = 500 * time.Millisecond
	// watchInterval is how often a wait looks whether something has happened.
	watchInterval = time.Second
)

// events are what this process has seen happen.
var events struct {
	sync.Mutex
	count int
	last  string
}

// Happened notes that something went on, and what: a function made a call, an
// event was delivered. Every wait of the process counts it as progress.
func Happened(what string) {
	events.Lock()
	defer events.Unlock()
	events.count++
	events.last = what
}

func happened() (count int, last string) {
	events.Lock()
	defer events.Unlock()
	return events.count, events.last
}

// sight is what the condition of one wait has seen.
type sight struct {
	mutex sync.Mutex
	last  string
}

type sightKey struct{}

// Saw tells the wait whose condition has this context what the condition sees.
// Another text than before is progress; the last one is part of the error when
// the wait ends in vain. Outside a wait it does nothing.
func Saw(ctx context.Context, format string, args ...any) {
	if seen, ok := ctx.Value(sightKey{}).(*sight); ok {
		seen.mutex.Lock()
		defer seen.mutex.Unlock()
		seen.last = fmt.Sprintf(format, args...)
	}
}

func (s *sight) text() string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.last
}

// errStalled and errLongest end a wait.
var (
	errStalled = errors.New("nothing has happened")
	errLongest = errors.New("it is still not so")
)

// Wait asks until the condition holds, and gives up when nothing has happened
// for Stall: no call of Happened, and nothing new that the condition Saw. An
// error of the condition doesn't end the wait; the last one is part of Wait's.
// The condition's context ends when the wait does.
func Wait(ctx context.Context, what string, condition func(context.Context) (bool, error)) error {
	seen := &sight{}
	waiting, giveUp := context.WithCancelCause(context.WithValue(ctx, sightKey{}, seen))
	var watching sync.WaitGroup
	watching.Go(func() { watch(waiting, seen, giveUp) })
	last := poll(waiting, condition)
	cause := context.Cause(waiting)
	giveUp(nil)
	watching.Wait()
	if last == nil {
		return nil
	}
	return failed(what, seen, cause, last)
}

// Poll asks until the condition holds or the context ends, for what another
// process does, whose progress this one can't see.
func Poll(ctx context.Context, what string, condition func(context.Context) (bool, error)) error {
	seen := &sight{}
	ctx = context.WithValue(ctx, sightKey{}, seen)
	if last := poll(ctx, condition); last != nil {
		return failed(what, seen, context.Cause(ctx), last)
	}
	return nil
}

// errUnmet is the last word of a condition that has had no error.
var errUnmet = errors.New("the condition does not hold")

// poll returns nil when the condition holds, and when the context ends the last
// error that the condition had before.
func poll(ctx context.Context, condition func(context.Context) (bool, error)) error {
	last := errUnmet
	for pause := shortest; ; pause = min(pause*3/2, interval) {
		holds, err := condition(ctx)
		if err == nil && holds {
			return nil
		}
		if err != nil && ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return last
		case <-time.After(pause):
		}
	}
}

// watch gives up a wait in which nothing happens, until its context ends.
func watch(ctx context.Context, seen *sight, giveUp context.CancelCauseFunc) {
	ticker := time.NewTicker(watchInterval)
	defer ticker.Stop()
	begun := time.Now()
	moved, count, text := begun, -1, ""
	for {
		if now, _ := happened(); now != count || seen.text() != text {
			moved, count, text = time.Now(), now, seen.text()
		}
		if quiet := time.Since(moved); quiet > Scale(Stall) {
			giveUp(fmt.Errorf("%w for %s", errStalled, quiet.Round(time.Second)))
			return
		}
		if long := time.Since(begun); long > Scale(Longest) {
			giveUp(fmt.Errorf("%w after %s, though something happens all the time", errLongest, long.Round(time.Second)))
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func failed(what string, seen *sight, cause, last error) error {
	text := []string{fmt.Sprintf("waiting until %s: %v", what, cause)}
	if saw := seen.text(); saw != "" {
		text = append(text, "last seen: "+saw)
	}
	if _, event := happened(); event != "" {
		text = append(text, "what happened last: "+event)
	}
	text = append(text, fmt.Sprintf("the machine is %.1f times slower than an idle one", Slowness()))
	err := errors.New(strings.Join(text, "; "))
	if !errors.Is(last, errUnmet) {
		err = fmt.Errorf("%w; last error: %w", err, last)
	}
	if errors.Is(cause, context.Canceled) || errors.Is(cause, context.DeadlineExceeded) {
		return fmt.Errorf("%w (%w)", err, cause)
	}
	return err
}
