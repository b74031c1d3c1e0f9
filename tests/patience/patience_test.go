package patience_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/tests/patience"
)

func never(context.Context) (bool, error) { return false, nil }

func TestAWaitEndsWhenNothingHappens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		err := patience.Wait(t.Context(), "the lamp is on", func(ctx context.Context) (bool, error) {
			patience.Saw(ctx, "the lamp is off")
			return false, errors.New("no current")
		})
		if err == nil {
			t.Fatal("it succeeded")
		}
		for _, part := range []string{"waiting until the lamp is on", "nothing has happened for 1m", "last seen: the lamp is off", "last error: no current"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q lacks %q", err, part)
			}
		}
		if took := time.Since(start); took < patience.Stall || took > patience.Stall+5*time.Second {
			t.Errorf("it ended after %s", took)
		}
	})
}

func TestProgressKeepsAWaitGoing(t *testing.T) {
	steps := map[string]func(ctx context.Context, step int){
		"a call":         func(context.Context, int) { patience.Happened("iam:GetRole of attach-policies") },
		"a sight":        func(ctx context.Context, step int) { patience.Saw(ctx, "%d of 20", step) },
		"the same sight": func(ctx context.Context, _ int) { patience.Saw(ctx, "still dark") },
		"nothing":        func(context.Context, int) {},
	}
	for name, step := range steps {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				// Something happens once in a minute, twenty times.
				begun := time.Now()
				err := patience.Wait(t.Context(), "twenty minutes are over", func(ctx context.Context) (bool, error) {
					step(ctx, int(time.Since(begun)/time.Minute))
					time.Sleep(time.Minute)
					return time.Since(begun) > 10*time.Minute, nil
				})
				if progress := name == "a call" || name == "a sight"; (err == nil) != progress {
					t.Errorf("after %s: %v", time.Since(begun), err)
				}
			})
		})
	}
}

// A message that fails forever makes calls, too.
func TestNoWaitIsEndless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		err := patience.Wait(t.Context(), "it ends", func(context.Context) (bool, error) {
			patience.Happened("once more")
			return false, nil
		})
		if took := time.Since(start); err == nil || !strings.Contains(err.Error(), "what happened last: once more") || took > patience.Longest+5*time.Second {
			t.Errorf("after %s: %v", took, err)
		}
	})
}

// The condition itself may hang.
func TestAConditionThatHangsIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		err := patience.Wait(t.Context(), "somebody answers", func(ctx context.Context) (bool, error) {
			<-ctx.Done()
			return false, ctx.Err()
		})
		if err == nil || !strings.Contains(err.Error(), "nothing has happened") {
			t.Errorf("got %v", err)
		}
	})
}

func TestAWaitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, wait := range map[string]func(context.Context, string, func(context.Context) (bool, error)) error{"Wait": patience.Wait, "Poll": patience.Poll} {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			start := time.Now()
			err := wait(ctx, "the lamp is on", never)
			cancel()
			if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took != 10*time.Second {
				t.Errorf("%s, after %s: %v", name, took, err)
			}
			if err := wait(t.Context(), "it is so", func(context.Context) (bool, error) { return true, nil }); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestPollOutlastsSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if err := patience.Poll(t.Context(), "an hour is over", func(context.Context) (bool, error) { return time.Since(start) > time.Hour, nil }); err != nil {
			t.Error(err)
		}
	})
}

func TestSlownessIsBounded(t *testing.T) {
	if slowness := patience.Slowness(); slowness < 1 || slowness > 30 {
		t.Errorf("slowness %f", slowness)
	}
	if scaled := patience.Scale(time.Minute); scaled < time.Minute || scaled > 30*time.Minute {
		t.Errorf("a minute is %s", scaled)
	}
}
