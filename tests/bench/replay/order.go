package replay

import (
	"maps"
	"math/rand/v2"
	"slices"
	"time"
)

// Between answers after a random time, so that calls that do not wait for one
// another come in different orders.
func Between(random *rand.Rand, least, most time.Duration) Delay {
	return func(Call) time.Duration { return least + time.Duration(random.Int64N(int64(most-least))) }
}

// Order says for each call of the traces which others had ended, in all of
// them, when it began: what it waits for.
func Order(traces []Trace) map[int][]int {
	order := map[int][]int{}
	if len(traces) == 0 {
		return order
	}
	places := slices.Sorted(maps.Keys(traces[0]))
	for _, later := range places {
		order[later] = []int{}
		for _, earlier := range places {
			waits := earlier != later
			for _, trace := range traces {
				waits = waits && trace[earlier].Ended.Before(trace[later].Began)
			}
			if waits {
				order[later] = append(order[later], earlier)
			}
		}
	}
	return order
}

// Depth is the longest chain of calls that wait for one another.
func Depth(order map[int][]int) int {
	depths := map[int]int{}
	var depth func(int) int
	depth = func(place int) int {
		if known, ok := depths[place]; ok {
			return known
		}
		deepest := 0
		for _, earlier := range order[place] {
			deepest = max(deepest, depth(earlier))
		}
		depths[place] = deepest + 1
		return deepest + 1
	}
	deepest := 0
	for place := range order {
		deepest = max(deepest, depth(place))
	}
	return deepest
}

// Script is the part of a record that an order is about, for a program that
// makes these calls and nothing else.
func Script(calls []Call, order map[int][]int) []Call {
	places := slices.Sorted(maps.Keys(order))
	script := make([]Call, len(places))
	for index, place := range places {
		script[index] = calls[place]
		script[index].After = []int{}
		for _, earlier := range order[place] {
			script[index].After = append(script[index].After, slices.Index(places, earlier))
		}
	}
	return script
}
