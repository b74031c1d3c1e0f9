// Package memory keeps answers between invocations of a warm function.
package memory

import (
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// Memory keeps answers for a while, by key. Callers that ask for the same key at
// the same time get the same answer. Errors are not kept. It is safe for
// concurrent use.
type Memory[V any] struct {
	now           func() time.Time
	size          int
	sound, faulty time.Duration

	mutex   sync.Mutex
	entries map[string]entry[V]
	flight  singleflight.Group
}

type entry[V any] struct {
	value V
	// asked is when the answer was asked for, until when it ends.
	asked, until time.Time
}

// New makes a memory of at most size answers; beyond that, the one that ends
// first is dropped. A sound answer, one that shows nothing wrong, is kept for the
// time sound, any other for the time faulty; 0 keeps none.
func New[V any](now func() time.Time, size int, sound, faulty time.Duration) *Memory[V] {
	return &Memory[V]{now: now, size: size, sound: sound, faulty: faulty, entries: map[string]entry[V]{}}
}

// Get gives the known answer for a key, or asks. Ask also says whether its
// answer is sound.
func (m *Memory[V]) Get(key string, ask func() (value V, sound bool, err error)) (V, error) {
	return m.Since(key, time.Time{}, ask)
}

// Since is Get for an answer that was asked for after a time.
func (m *Memory[V]) Since(key string, oldest time.Time, ask func() (value V, sound bool, err error)) (V, error) {
	for {
		if known, ok := m.recall(key); ok && known.asked.After(oldest) {
			return known.value, nil
		}
		ours := false
		answer, err, _ := m.flight.Do(key, func() (any, error) {
			// Between the look above and this one, another caller's question may have
			// been answered.
			if known, ok := m.recall(key); ok && known.asked.After(oldest) {
				return known, nil
			}
			ours = true
			asked := m.now()
			value, sound, err := ask()
			if err != nil {
				return entry[V]{value: value}, err
			}
			return m.keep(key, value, asked, sound), nil
		})
		// A question that was under way already may be too old.
		if found := answer.(entry[V]); err != nil || ours || found.asked.After(oldest) {
			return found.value, err
		}
	}
}

// Known gives the known answer for a key, if there is one.
func (m *Memory[V]) Known(key string) (V, bool) {
	known, ok := m.recall(key)
	return known.value, ok
}

// Keep notes an answer that was not asked for here.
func (m *Memory[V]) Keep(key string, value V, sound bool) { m.keep(key, value, m.now(), sound) }

func (m *Memory[V]) recall(key string) (entry[V], bool) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	known, ok := m.entries[key]
	return known, ok && m.now().Before(known.until)
}

func (m *Memory[V]) keep(key string, value V, asked time.Time, sound bool) entry[V] {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	lasts := m.faulty
	if sound {
		lasts = m.sound
	}
	kept := entry[V]{value, asked, m.now().Add(lasts)}
	if lasts <= 0 {
		delete(m.entries, key)
		return kept
	}
	if _, known := m.entries[key]; !known && len(m.entries) >= m.size {
		first := key
		for other, entry := range m.entries {
			if first == key || entry.until.Before(m.entries[first].until) {
				first = other
			}
		}
		delete(m.entries, first)
	}
	m.entries[key] = kept
	return kept
}

// Forget makes the next Get ask.
func (m *Memory[V]) Forget(key string) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	delete(m.entries, key)
}
