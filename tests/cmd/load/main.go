// Load puts a burst of events, and then a sweep over a large account, on local
// stacks, each at two sizes, scans that account from a shell, and tells what it
// cost and whether all ended right.
// It fails where anything was lost or done twice, or where a message ended in a
// dead-letter queue.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/tests/load"
	"github.com/ecs-guardrails/ecs-guardrails/tests/operator"
	"github.com/ecs-guardrails/ecs-guardrails/tests/patience"
	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
)

// longest bounds each part, on an idle machine.
const longest = 20 * time.Minute

func main() {
	events := flag.Int("events", 2000, "`events` of the burst: half of them roles, a quarter uploads, a quarter task definitions")
	roles := flag.Int("roles", 5000, "`roles` that the sweep finds")
	families := flag.Int("families", 2000, "`families` of task definitions that the sweep finds")
	objects := flag.Int("objects", 500, "config `objects` that the sweep finds")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	err := run(ctx, *events, load.Holding{Roles: *roles, Families: *families, Objects: *objects})
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, events int, holding load.Holding) error {
	err := onStack(ctx, func(ctx context.Context, account load.Account) error {
		for _, size := range []int{events / 4, events} {
			burst := load.Burst{Name: fmt.Sprintf("burst%d", size), Roles: size / 2, Uploads: size / 4, TaskDefinitions: size / 4}
			fmt.Fprintf(os.Stderr, "a burst of %d events …\n", size)
			result, err := burst.Run(ctx, account)
			if err != nil {
				return err
			}
			fmt.Printf("\nburst of %d roles, %d uploads, %d task definitions: made within %s, all right after %s\n",
				burst.Roles, burst.Uploads, burst.TaskDefinitions, result.Made.Round(time.Second), result.Right.Round(time.Second))
			if err := tell(result); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return onStack(ctx, func(ctx context.Context, account load.Account) error {
		if err := account.Deafen(ctx); err != nil {
			return err
		}
		var before load.Holding
		for _, size := range []load.Holding{{Roles: holding.Roles / 4, Families: holding.Families / 4, Objects: holding.Objects / 4}, holding} {
			fmt.Fprintf(os.Stderr, "making %d roles, %d families, %d objects …\n", size.Roles, size.Families, size.Objects)
			if err := size.Make(ctx, account, before); err != nil {
				return err
			}
			fmt.Fprintln(os.Stderr, "sweeping …")
			result, err := size.Sweep(ctx, account, before)
			if err != nil {
				return err
			}
			fmt.Printf("\nsweep over %d roles, %d families, %d objects: all right after %s\n", size.Roles, size.Families, size.Objects, result.Right.Round(time.Second))
			if err := tell(result); err != nil {
				return err
			}
			before = size
		}
		fmt.Fprintln(os.Stderr, "scanning …")
		scanned, err := holding.Scan(ctx, account)
		if err != nil {
			return err
		}
		fmt.Printf("\nscan of the same account from a shell, at AWS's rates: %s, %d calls, %.3f for each of %d subjects; %d more were throttled\n",
			scanned.Took.Round(time.Second), scanned.Calls, float64(scanned.Calls)/float64(scanned.Subjects), scanned.Subjects, scanned.Throttled)
		return nil
	})
}

// onStack runs a part on its own stack, and tells the memory that the
// functions took.
func onStack(ctx context.Context, part func(context.Context, load.Account) error) (err error) {
	ctx, cancel := context.WithTimeout(ctx, patience.Scale(longest))
	defer cancel()
	running, err := stack.Start(ctx, stack.Options{Progress: os.Stderr})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, running.Stop()) }()
	account, err := load.Prepare(ctx, operator.New(running))
	if err != nil {
		return err
	}
	memory := load.WatchMemory(account.Operator)
	err = part(ctx, account)
	peaks, watchErr := memory.Peaks()
	if err = errors.Join(err, watchErr); err != nil {
		return err
	}
	var texts []string
	for _, function := range slices.Sorted(maps.Keys(peaks)) {
		texts = append(texts, fmt.Sprintf("%s %.0f MB", function, float64(peaks[function])/1e6))
	}
	fmt.Printf("\nmost memory of a process: %s\n", strings.Join(texts, ", "))
	return nil
}

// tell prints what a part cost, and fails where it did not end right.
func tell(result load.Result) error {
	all, subjects := 0, 0
	for _, function := range slices.Sorted(maps.Keys(result.Calls)) {
		var texts []string
		total := 0
		for _, operation := range slices.Sorted(maps.Keys(result.Calls[function])) {
			texts = append(texts, fmt.Sprintf("%s %d", operation, result.Calls[function][operation]))
			total += result.Calls[function][operation]
		}
		all, subjects = all+total, subjects+result.Subjects[function]
		line := fmt.Sprintf("  %s: %d calls", function, total)
		if looked := result.Subjects[function]; looked > 0 {
			line += fmt.Sprintf(", %.3f for each of %d subjects", float64(total)/float64(looked), looked)
		}
		if looks := result.Looks[function]; looks > 0 {
			line += fmt.Sprintf(", %d looks", looks)
		}
		fmt.Printf("%s (%s)\n", line, strings.Join(texts, ", "))
	}
	for _, subject := range result.Again {
		fmt.Printf("  %s\n", subject)
	}
	fmt.Printf("  in all: %d calls, %.3f for each subject\n", all, float64(all)/float64(max(subjects, 1)))
	fmt.Printf("  lost %d, done twice %d, in dead-letter queues 0\n", len(result.Lost), len(result.Doubled))
	if len(result.Lost)+len(result.Doubled) > 0 {
		return fmt.Errorf("not all ended right:\n%s", strings.Join(slices.Concat(result.Lost, result.Doubled), "\n"))
	}
	return nil
}
