package configobject

import (
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

const (
	// soundFor is how long a warm function believes that what was found in order
	// still is, faultyFor how long that it still is not: the former spares a busy
	// bucket a dozen calls an upload, the latter lets who cured something and
	// uploads again see it.
	soundFor  = 5 * time.Minute
	faultyFor = 10 * time.Second
	// rolesFor is how long it believes that the account's roles are those that
	// it listed: a new one is seen by attach-policies first.
	rolesFor = time.Hour
	// maxRemembered bounds each memory; beyond it, the entry that ends first goes.
	maxRemembered = 100
)

// memory keeps answers for a while, by key. Who asks for the same at the same
// time gets the same answer. Errors are not kept.
type memory[V any] struct {
	now func() time.Time
	// lasts is how long what was in order is believed.
	lasts time.Duration

	mutex   sync.Mutex
	entries map[string]remembered[V]
	flight  singleflight.Group
}

type remembered[V any] struct {
	value V
	until time.Time
}

func newMemory[V any](now func() time.Time, lasts time.Duration) *memory[V] {
	return &memory[V]{now: now, lasts: lasts, entries: map[string]remembered[V]{}}
}

// get gives what is known, or asks. Ask also says whether its answer is sound.
func (m *memory[V]) get(key string, ask func() (value V, sound bool, err error)) (V, error) {
	m.mutex.Lock()
	entry, known := m.entries[key]
	m.mutex.Unlock()
	if known && m.now().Before(entry.until) {
		return entry.value, nil
	}
	answer, err, _ := m.flight.Do(key, func() (any, error) {
		value, sound, err := ask()
		if err != nil {
			return value, err
		}
		m.keep(key, value, sound)
		return value, nil
	})
	return answer.(V), err
}

func (m *memory[V]) keep(key string, value V, sound bool) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if _, known := m.entries[key]; !known && len(m.entries) >= maxRemembered {
		first := key
		for other, entry := range m.entries {
			if first == key || entry.until.Before(m.entries[first].until) {
				first = other
			}
		}
		delete(m.entries, first)
	}
	lasts := faultyFor
	if sound {
		lasts = m.lasts
	}
	m.entries[key] = remembered[V]{value, m.now().Add(lasts)}
}

// forget has the next one ask anew.
func (m *memory[V]) forget(key string) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	delete(m.entries, key)
}
