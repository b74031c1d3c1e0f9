package interleavings

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// attempts is how often a delivery comes again that failed: a queue's
// maxReceiveCount.
const attempts = 5

// Pair is two deliveries that concern the same thing.
type Pair struct {
	Name string
	// Arrange makes the account that they find. It is the same each time.
	Arrange func() *Account
	// Deliveries are carried out by functions that were started for them. One that
	// returns an error comes again.
	Deliveries [2]Delivery
	// After carries out what follows both, one call after the other; nil for nothing.
	After Delivery
	// State describes where they ended. What is random in it is named by what it is.
	State func(*Account) []string
	// Orphans are credentials that work and that no one keeps.
	Orphans func(*Account) []string
}

// Delivery is one event for one function, with clients of its own.
type Delivery func(context.Context, *Clients) error

// Result is what came of one pair.
type Result struct {
	Name string
	// Orders counts the orders that were tried, Complete says that they stand for all.
	Orders   int
	Complete bool
	// Switches is the bound of the search where it isn't complete.
	Switches int
	// Writes is how many calls of an order changed something, at most.
	Writes int
	// Ends counts the different ends, Serial those of them that one delivery after
	// the other leads to.
	Ends, Serial int
	// Differences and Orphans describe each end that no serial run has, and each
	// credential without a keeper, once with the first order that led there.
	Differences, Orphans []string
}

// Limits bound how much of a pair is tried.
type Limits struct {
	// Orders is how many orders a complete search may take; 0 is for none. Where there
	// are more, the search is for all orders with at most Switches switches.
	Orders   int
	Switches int
}

// Explore tries the orders of a pair. It fails the test where the pair can't be
// run at all.
func (p Pair) Explore(t *testing.T, limits Limits) Result {
	t.Helper()
	result := Result{Name: p.Name, Complete: true}
	serial := p.serial(t)
	result.Serial = len(serial)
	if limits.Orders == 0 || !p.search(t, &result, serial, -1, limits.Orders) {
		result = Result{Name: p.Name, Serial: result.Serial, Switches: limits.Switches}
		p.search(t, &result, serial, limits.Switches, 0)
	}
	return result
}

// serial gives the ends of one delivery after the other.
func (p Pair) serial(t *testing.T) []string {
	t.Helper()
	var ends []string
	for first := range p.Deliveries {
		var reached end
		synctest.Test(t, func(t *testing.T) {
			account := p.Arrange()
			var failures [len(p.Deliveries)]error
			for _, index := range []int{first, 1 - first} {
				failures[index] = p.deliver(t.Context(), index, account.clients(index, openGate()))
			}
			reached = p.judge(t.Context(), account, failures)
		})
		if !slices.Contains(ends, reached.state) {
			ends = append(ends, reached.state)
		}
		if len(reached.orphans) > 0 {
			t.Errorf("%s: one after the other leaves %q", p.Name, reached.orphans)
		}
	}
	return ends
}

// deliver hands an event over until it is taken.
func (p Pair) deliver(ctx context.Context, index int, clients *Clients) (err error) {
	for range attempts {
		if err = p.Deliveries[index](ctx, clients); err == nil {
			return nil
		}
	}
	return err
}

// judge carries out what follows and describes the end.
func (p Pair) judge(ctx context.Context, account *Account, failures [2]error) end {
	var lines []string
	for index, failure := range failures {
		if failure != nil {
			lines = append(lines, fmt.Sprintf("delivery %c was given up: %v", 'A'+index, failure))
		}
	}
	if p.After != nil {
		if err := p.After(ctx, account.clients(0, openGate())); err != nil {
			lines = append(lines, "what follows failed: "+err.Error())
		}
	}
	reached := end{state: strings.Join(append(lines, p.State(account)...), "\n")}
	if p.Orphans != nil {
		reached.orphans = p.Orphans(account)
	}
	return reached
}

// mostRepeats is how often an order is begun again that led to other calls than it
// did before.
const mostRepeats = 10

// search goes through the orders, and reports whether it came to their end
// before their number reached the limit; 0 is none.
func (p Pair) search(t *testing.T, result *Result, serial []string, switches, limit int) bool {
	t.Helper()
	of := &search{switches: switches}
	runs, repeats := 0, 0
	ends := map[string]bool{}
	orphans := map[string]bool{}
	for {
		end, whole, calls := p.run(t, of.decide)
		runs++
		if calls < len(of.steps) {
			// It didn't come to the call that it was for. Of two calls that are the same in
			// all but their details, the other one may have gone first: then it does
			// another time.
			if repeats++; repeats <= mostRepeats {
				continue
			}
			of.lost++
			if whole {
				of.steps, whole = of.steps[:calls], false
			}
		}
		repeats = 0
		if whole {
			result.Orders++
			if !ends[end.state] && !slices.Contains(serial, end.state) {
				result.Differences = append(result.Differences, fmt.Sprintf("%s\n  order: %s\n  end:\n    %s\n  one after the other:\n    %s", p.Name, of.order(),
					strings.ReplaceAll(end.state, "\n", "\n    "), strings.ReplaceAll(strings.Join(serial, "\n  or\n"), "\n", "\n    ")))
			}
			ends[end.state] = true
			result.Writes = max(result.Writes, of.writes())
			for _, orphan := range end.orphans {
				if !orphans[orphan] {
					orphans[orphan] = true
					result.Orphans = append(result.Orphans, fmt.Sprintf("%s: %s\n  order: %s", p.Name, orphan, of.order()))
				}
			}
		}
		result.Ends = len(ends)
		if !of.advance() {
			// Some may be lost for good: calls that differ in a new credential only can't be
			// told apart from one run to the next.
			if of.lost*3 > result.Orders {
				t.Errorf("%s: %d orders were lost, beside %d that were tried: the deliveries don't make the same calls each time", p.Name, of.lost, result.Orders)
			}
			return true
		}
		if limit > 0 && runs >= limit {
			return false
		}
	}
}

// end is where an order led.
type end struct {
	state   string
	orphans []string
}

// run carries out one order, and gives where it led and how many calls it had;
// whole is false where the order was given up.
func (p Pair) run(t *testing.T, decide func(at int, held []Call) (Call, bool)) (reached end, whole bool, calls int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		account := p.Arrange()
		gate := newGate(len(p.Deliveries))
		var failures [len(p.Deliveries)]error
		for index := range p.Deliveries {
			go func() {
				defer gate.ended()
				failures[index] = p.deliver(t.Context(), index, account.clients(index, gate))
			}()
		}
		for {
			held := gate.next()
			if len(held) == 0 {
				break
			}
			call, on := decide(calls, held)
			if !on {
				gate.abandon()
				// The deliveries end in any order.
				gate.next()
				return
			}
			calls++
			gate.release(call)
		}
		whole = true
		reached = p.judge(t.Context(), account, failures)
	})
	return reached, whole, calls
}
