package patience

import (
	"sync"
	"time"
)

const (
	// rounds of work take ordinary on an idle machine.
	rounds   = 10_000_000
	ordinary = 12 * time.Millisecond
	// measureInterval is how old a measurement may be, and memory how long the
	// worst one counts: other work comes and goes.
	measureInterval = 5 * time.Second
	memory          = time.Minute
	// most bounds the slowness, so that no wait is endless.
	most = 30
)

var measured struct {
	sync.Mutex
	at      time.Time
	samples []sample
	sink    uint64
}

type sample struct {
	at       time.Time
	slowness float64
}

// Slowness is how many times longer than on an idle machine a piece of work
// takes at the moment, 1 at least: the most that was measured within the last
// minute.
func Slowness() float64 {
	measured.Lock()
	defer measured.Unlock()
	now := time.Now()
	if measured.at.IsZero() || now.Sub(measured.at) > measureInterval {
		measured.sink += work()
		took := time.Since(now)
		measured.at = time.Now()
		measured.samples = append(measured.samples, sample{measured.at, float64(took) / float64(ordinary)})
	}
	worst := 1.0
	kept := measured.samples[:0]
	for _, of := range measured.samples {
		if now.Sub(of.at) < memory {
			kept = append(kept, of)
			worst = max(worst, of.slowness)
		}
	}
	measured.samples = kept
	return min(worst, most)
}

// Scale gives the time that lasts as long on this machine, as busy as it is, as
// a time on an idle one.
func Scale(idle time.Duration) time.Duration {
	return time.Duration(float64(idle) * Slowness())
}

// work keeps one processor busy, without memory, for Slowness to measure.
func work() uint64 {
	state := uint64(88172645463325252)
	for range rounds {
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
	}
	return state
}
