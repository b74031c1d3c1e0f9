package memory_test

import (
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/memory"
)

// clock is a time that a test sets.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func TestHowLongAnswersAreKept(t *testing.T) {
	for name, test := range map[string]struct {
		sound bool
		later time.Duration
		asks  int
	}{
		"a sound answer":             {true, time.Minute - 1, 1},
		"a sound answer that ended":  {true, time.Minute, 2},
		"a faulty answer":            {false, time.Second - 1, 1},
		"a faulty answer that ended": {false, time.Second, 2},
	} {
		t.Run(name, func(t *testing.T) {
			at := &clock{now: time.Unix(0, 0)}
			kept, asks := memory.New[int](at.Now, 10, time.Minute, time.Second), 0
			ask := func() (int, bool, error) { asks++; return asks, test.sound, nil }
			for range 2 {
				if _, err := kept.Get("a", ask); err != nil {
					t.Fatal(err)
				}
				at.now = at.now.Add(test.later)
			}
			if asks != test.asks {
				t.Errorf("asked %d times, want %d", asks, test.asks)
			}
		})
	}
}

func TestErrorsAndForgottenAnswersAreAskedForAgain(t *testing.T) {
	kept, asks := memory.New[int](time.Now, 10, time.Hour, 0), 0
	wrong := errors.New("wrong")
	if _, err := kept.Get("a", func() (int, bool, error) { asks++; return 0, true, wrong }); !errors.Is(err, wrong) {
		t.Error(err)
	}
	for range 2 {
		if got, err := kept.Get("a", func() (int, bool, error) { asks++; return 7, true, nil }); got != 7 || err != nil {
			t.Error(got, err)
		}
		kept.Forget("a")
	}
	for range 2 {
		// Faulty answers are not kept here.
		_, _ = kept.Get("b", func() (int, bool, error) { asks++; return 7, false, nil })
	}
	if asks != 5 {
		t.Errorf("asked %d times", asks)
	}
}

func TestTheSizeIsBounded(t *testing.T) {
	at := &clock{now: time.Unix(0, 0)}
	kept, asks := memory.New[int](at.Now, 3, time.Hour, 0), 0
	get := func(key int) {
		_, _ = kept.Get(strconv.Itoa(key), func() (int, bool, error) { asks++; return key, true, nil })
		at.now = at.now.Add(time.Second)
	}
	for key := range 4 {
		get(key)
	}
	asks = 0
	get(1)
	get(2)
	get(3)
	if asks != 0 {
		t.Error("a younger answer was dropped")
	}
	if get(0); asks != 1 {
		t.Error("the oldest answer was kept")
	}
}

func TestSinceTakesNoOlderAnswer(t *testing.T) {
	at := &clock{now: time.Unix(100, 0)}
	kept, asks := memory.New[int](at.Now, 3, time.Hour, 0), 0
	ask := func() (int, bool, error) { asks++; return asks, true, nil }
	for _, test := range []struct {
		oldest int64
		want   int
	}{{0, 1}, {99, 1}, {100, 2}, {100, 3}} {
		if got, _ := kept.Since("a", time.Unix(test.oldest, 0), ask); got != test.want {
			t.Errorf("since %d: got answer %d, want %d", test.oldest, got, test.want)
		}
	}
}

// TestManyAtOnceAskOnce: also those that want a younger answer than the one that
// is under way get one, and ask for it once.
func TestManyAtOnceAskOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept, asks := memory.New[int](time.Now, 3, time.Hour, 0), 0
		ask := func() (int, bool, error) { asks++; time.Sleep(time.Second); return asks, true, nil }
		began := time.Now()
		var group sync.WaitGroup
		for range 10 {
			group.Go(func() { _, _ = kept.Get("a", ask) })
		}
		for range 10 {
			group.Go(func() {
				time.Sleep(time.Millisecond)
				if got, err := kept.Since("a", began, ask); got != 2 || err != nil {
					t.Error(got, err)
				}
			})
		}
		group.Wait()
		if asks != 2 {
			t.Errorf("asked %d times, want 2", asks)
		}
	})
}

// TestCallersAtTheSameTimeAskOnce: a caller that comes when an answer has just been
// kept takes it, too.
func TestCallersAtTheSameTimeAskOnce(t *testing.T) {
	m := memory.New[int](time.Now, 10_000, time.Hour, time.Hour)
	for i := range 2000 {
		key := strconv.Itoa(i)
		var asked atomic.Int64
		var callers sync.WaitGroup
		for range 4 {
			callers.Go(func() {
				_, _ = m.Get(key, func() (int, bool, error) { asked.Add(1); return i, true, nil })
			})
		}
		callers.Wait()
		if got := asked.Load(); got != 1 {
			t.Fatalf("key %s was asked for %d times", key, got)
		}
	}
}
