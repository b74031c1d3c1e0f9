package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// results are all figures of a run.
type results struct {
	machine []string
	rounds  rounds
	starts  []*start
	visits  []visit
	sweeps  comparison
	scans   scans
}

// write prints the results and keeps them in RESULTS.md.
func (r results) write(sources string) error {
	text := r.text()
	fmt.Print(text)
	if err := os.WriteFile(filepath.Join(sources, "RESULTS.md"), []byte(text), 0o644); err != nil {
		return fmt.Errorf("write the results: %w", err)
	}
	return nil
}

func (r results) text() string {
	var text strings.Builder
	line := func(format string, values ...any) { fmt.Fprintf(&text, format+"\n", values...) }
	line("# Benchmark results\n")
	line("Written by `make bench`; `tests/bench` says how each figure is taken. Times are medians of one run, in which the")
	line("rivals take turns. Ratios carry over to other machines, times do not.\n")
	for _, fact := range r.machine {
		line("- %s", fact)
	}
	line("- %d cold starts of each; %d warm events answered after 1 ms, %d answered as slowly as by the emulator", r.rounds.cold, r.rounds.warm, r.rounds.slow)

	line("\n## Targets\n")
	table(&text, r.targets())

	line("\n## Size and cold start\n")
	line("The time from an event to the first answer on AWS's runtime interface emulator, which starts the function for it.")
	line("The event concerns no one, so that no AWS call is made. `empty` is the smallest handler of aws-lambda-go.\n")
	rows := [][]string{{"function", "zip MB", "cold ms", "least", "most", "× empty"}}
	for _, one := range r.starts {
		rows = append(rows, []string{
			one.name, fmt.Sprintf("%.2f", float64(one.zipped)/1e6), milliseconds(median(one.first)), milliseconds(slices.Min(one.first)), milliseconds(slices.Max(one.first)),
			fmt.Sprintf("%.2f", ratio(one.first, r.starts[0].first)),
		})
	}
	table(&text, rows)

	line("\n## AWS calls of an event\n")
	line("Cold is the first event of a process, warm one after it. Depth is the longest chain of calls that wait for one")
	line("another, found by answering %d times with random slowness.\n", traced)
	rows = [][]string{{"function", "event", "cold calls", "depth", "warm calls", "depth"}}
	for _, v := range r.visits {
		row := []string{v.function, v.what, fmt.Sprint(v.coldCalls), fmt.Sprint(v.coldDepth), fmt.Sprint(v.warmCalls), fmt.Sprint(v.warmDepth)}
		if v.waits {
			row = []string{v.function, v.what, fmt.Sprint(v.coldCalls), "", "", ""}
		}
		rows = append(rows, row)
	}
	table(&text, rows)
	line("\n`setSecret` and `testSecret` log in to a registry; its time is not theirs, so only their calls are counted.")

	line("\n## Against Python")
	line("\nA Python function makes the same calls through boto3, with its clients made at start and threads where the calls go")
	line("side by side. AWS is a program that gives the recorded answers after 1 ms. Memory is the most that the function's")
	line("process held (VmHWM).\n")
	rows = [][]string{{"function", "event", "cold ms", "Python", "times faster", "warm ms", "Python", "times faster", "MB", "Python"}}
	for _, v := range r.timed() {
		rows = append(rows, []string{
			v.function, v.what,
			milliseconds(median(v.first.function)), milliseconds(median(v.first.python)), fmt.Sprintf("%.1f", ratio(v.first.python, v.first.function)),
			milliseconds(median(v.again.function)), milliseconds(median(v.again.python)), fmt.Sprintf("%.1f", ratio(v.again.python, v.again.function)),
			fmt.Sprintf("%.0f", float64(v.memory)/1e6), fmt.Sprintf("%.0f", float64(v.pythonMemory)/1e6),
		})
	}
	table(&text, rows)

	line("\n## Against the bare calls")
	line("\nA Go program makes the same calls with the same SDK, each as soon as those have ended that it waits for in the")
	line("function, and does nothing else: no decision, no report. That its calls and their order are the same is checked.")
	line("With answers after 1 ms, which AWS never gives, the function's own work shows most. Answers as slow as the emulator's")
	line("are what the target is about; AWS is slower still.\n")
	rows = [][]string{{"function", "event", "1 ms: function ms", "bare ms", "×", "emulator: function ms", "bare ms", "×"}}
	for _, v := range r.timed() {
		rows = append(rows, []string{
			v.function, v.what,
			milliseconds(median(v.again.function)), milliseconds(median(v.again.bare)), fmt.Sprintf("%.2f", ratio(v.again.function, v.again.bare)),
			milliseconds(median(v.slow.function)), milliseconds(median(v.slow.bare)), fmt.Sprintf("%.2f", ratio(v.slow.function, v.slow.bare)),
		})
	}
	table(&text, rows)

	line("\n## sweep against Cloud Custodian")
	line("\nBoth look at %d roles of the local stack, %d of them instance roles, all of which are fine: sweep starts as a", r.sweeps.roles, r.rounds.roles)
	line("function and is asked for roles, Cloud Custodian starts as a command with the policy in `custodian/policy.yml`.")
	line("%d times each, in turn.\n", r.rounds.sweeps)
	table(&text, [][]string{
		{"", "sweep", "Cloud Custodian", "×"},
		{"seconds", seconds(median(r.sweeps.sweep)), seconds(median(r.sweeps.custodian)), fmt.Sprintf("%.0f", ratio(r.sweeps.custodian, r.sweeps.sweep))},
		{"AWS calls", fmt.Sprint(r.sweeps.sweepCalls), fmt.Sprint(r.sweeps.custodianCalls), fmt.Sprintf("%.0f", r.sweeps.calls())},
	})

	scan, custodian := r.scans.last()
	line("\n## scan against Cloud Custodian")
	line("\nBoth are commands that start, and look at the %d roles, config files, task definitions and secrets of the account,", r.scans.subjects)
	line("Cloud Custodian with the policies in `custodian/account.yml`, for which buckets take the place of config files. Every")
	line("fault that Cloud Custodian finds is one that the scan finds; otherwise there are no figures.\n")
	table(&text, [][]string{
		{"", "scan", "Cloud Custodian", "×"},
		{"seconds", seconds(median(times(r.scans.scan))), seconds(median(times(r.scans.custodian))), fmt.Sprintf("%.0f", ratio(times(r.scans.custodian), times(r.scans.scan)))},
		{"AWS calls", fmt.Sprint(scan.calls), fmt.Sprint(custodian.calls), fmt.Sprintf("%.0f", r.scans.calls())},
		{"AWS calls for each subject", fmt.Sprintf("%.2f", float64(scan.calls)/float64(r.scans.subjects)), fmt.Sprintf("%.2f", float64(custodian.calls)/float64(r.scans.subjects)), ""},
		{"subjects with a fault", fmt.Sprint(len(scan.faults)), fmt.Sprint(len(custodian.faults)), ""},
	})
	return text.String()
}

// last are the looks of the last round; what they find is the same in each.
func (s scans) last() (scan, custodian look) {
	return s.scan[len(s.scan)-1], s.custodian[len(s.custodian)-1]
}

// calls is how many times the scan's calls Cloud Custodian makes.
func (s scans) calls() float64 {
	scan, custodian := s.last()
	return float64(custodian.calls) / float64(scan.calls)
}

func times(looks []look) []time.Duration {
	var all []time.Duration
	for _, one := range looks {
		all = append(all, one.took)
	}
	return all
}

// calls is how many times sweep's calls Cloud Custodian makes.
func (c comparison) calls() float64 { return float64(c.custodianCalls) / float64(c.sweepCalls) }

// timed are the visits that have times.
func (r results) timed() []visit {
	return slices.DeleteFunc(slices.Clone(r.visits), func(v visit) bool { return v.waits })
}

// targets holds the worst figure of each kind against what it should be.
func (r results) targets() [][]string {
	rows := [][]string{{"target", "worst", "where", ""}}
	check := func(target, format string, bound float64, atMost bool, figures map[string]float64) {
		where, worst := "", 0.0
		for name, figure := range figures {
			if where == "" || atMost && figure > worst || !atMost && figure < worst || figure == worst && name < where {
				where, worst = name, figure
			}
		}
		verdict := "met"
		if atMost && worst > bound || !atMost && worst < bound {
			verdict = "MISSED"
		}
		rows = append(rows, []string{target, fmt.Sprintf(format, worst), where, verdict})
	}
	zips, starts := map[string]float64{}, map[string]float64{}
	for _, one := range r.starts[1:] {
		zips[one.name], starts[one.name] = float64(one.zipped)/1e6, ratio(one.first, r.starts[0].first)
	}
	python, slow := map[string]float64{}, map[string]float64{}
	for _, v := range r.timed() {
		name := v.function + ", " + v.what
		python[name], slow[name] = ratio(v.first.python, v.first.function), ratio(v.slow.function, v.slow.bare)
	}
	check("zip under 5 MB", "%.2f MB", 5, true, zips)
	check("cold start at most 3 times the empty handler's", "%.2f times", 3, true, starts)
	check("cold start at least 10 times faster than Python's", "%.1f times", 10, false, python)
	check("at most 1.15 times the bare calls, answered as by the emulator", "%.2f times", 1.15, true, slow)
	check("sweep at least 20 times faster than Cloud Custodian", "%.0f times", 20, false, map[string]float64{"sweep": ratio(r.sweeps.custodian, r.sweeps.sweep)})
	check("sweep with at most a fiftieth of its calls", "%.0f times fewer", 50, false, map[string]float64{"sweep": r.sweeps.calls()})
	check("sweep with at most a call per 50 roles, and 10", "%.0f calls", float64(r.sweeps.roles)/50+10, true, map[string]float64{"sweep": float64(r.sweeps.sweepCalls)})
	check("scan at least 10 times faster than Cloud Custodian", "%.0f times", 10, false, map[string]float64{"scan": ratio(times(r.scans.custodian), times(r.scans.scan))})
	check("scan with at most a twentieth of its calls", "%.0f times fewer", 20, false, map[string]float64{"scan": r.scans.calls()})
	return rows
}

// table writes a Markdown table whose columns line up, the first row as its head.
func table(text *strings.Builder, rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for column, cell := range row {
			widths[column] = max(widths[column], len([]rune(cell)), 3)
		}
	}
	for index, row := range rows {
		for column, cell := range row {
			fmt.Fprintf(text, "| %-*s ", widths[column], cell)
		}
		text.WriteString("|\n")
		if index == 0 {
			for _, width := range widths {
				text.WriteString("| " + strings.Repeat("-", width) + " ")
			}
			text.WriteString("|\n")
		}
	}
}

func median(of []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(of))
	return sorted[len(sorted)/2]
}

func ratio(of, against []time.Duration) float64 {
	return float64(median(of)) / float64(median(against))
}

func milliseconds(of time.Duration) string {
	return fmt.Sprintf("%.1f", float64(of.Microseconds())/1000)
}

func seconds(of time.Duration) string { return fmt.Sprintf("%.2f", of.Seconds()) }
