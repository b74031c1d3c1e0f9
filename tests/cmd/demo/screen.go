package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// columns is how wide text is broken; it fits a terminal that nobody widened
// by much, and a log.
const columns = 100

// labelWidth is the width of the column with "before", "event" and so on.
const labelWidth = 11

// screen writes for a person. On a terminal it has colours and a line that
// tells how long the present wait has taken; elsewhere it has neither.
type screen struct {
	mutex    sync.Mutex
	out      io.Writer
	terminal bool
	colour   bool
}

// newScreen follows https://no-color.org for colours.
func newScreen(out *os.File) *screen {
	terminal := false
	if info, err := out.Stat(); err == nil {
		terminal = info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
	}
	return &screen{out: out, terminal: terminal, colour: terminal && os.Getenv("NO_COLOR") == ""}
}

type style string

const (
	bold   style = "1"
	faint  style = "2"
	red    style = "31"
	green  style = "32"
	yellow style = "33"
	cyan   style = "36"
)

func (s *screen) styled(how style, text string) string {
	if !s.colour || text == "" {
		return text
	}
	return "\x1b[" + string(how) + "m" + text + "\x1b[0m"
}

func (s *screen) line(text string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.clear()
	fmt.Fprintln(s.out, strings.TrimRight(text, " "))
}

// clear removes the line of a wait.
func (s *screen) clear() {
	if s.terminal {
		fmt.Fprint(s.out, "\r\x1b[K")
	}
}

// title begins a part of the story.
func (s *screen) title(number int, text, function string) {
	heading := fmt.Sprintf("%d. %s", number, text)
	gap := max(2, columns-utf8.RuneCountInString(heading)-len(function))
	s.line("")
	s.line(s.styled(bold, heading) + strings.Repeat(" ", gap) + s.styled(cyan, function))
}

// tell writes text beside a label, broken into lines.
func (s *screen) tell(label, text string) {
	for index, part := range broken(text, columns-labelWidth-3) {
		if index > 0 {
			label = ""
		}
		s.line("   " + s.styled(faint, fmt.Sprintf("%-*s", labelWidth, label)) + part)
	}
}

// broken breaks a text at spaces; a word that is longer than the width stands
// alone.
func broken(text string, width int) []string {
	var lines []string
	for paragraph := range strings.SplitSeq(text, "\n") {
		line := ""
		for word := range strings.SplitSeq(paragraph, " ") {
			switch {
			case line == "":
				line = word
			case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width:
				lines = append(lines, line)
				line = word
			default:
				line += " " + word
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// quietInterval is how often a log without a terminal hears that a wait goes on.
const quietInterval = 20 * time.Second

// waiting shows what is waited for until done is called, which returns how
// long it took.
func (s *screen) waiting(what string) (done func() time.Duration) {
	start := time.Now()
	stop, stopped := make(chan struct{}), make(chan struct{})
	interval := quietInterval
	if s.terminal {
		interval = 200 * time.Millisecond
	}
	go func() {
		defer close(stopped)
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		for {
			select {
			case <-stop:
				return
			case <-ticker.C:
				s.stillWaiting(what, time.Since(start))
			}
		}
	}()
	var once sync.Once
	return func() time.Duration {
		once.Do(func() {
			close(stop)
			<-stopped
			s.mutex.Lock()
			defer s.mutex.Unlock()
			s.clear()
		})
		return time.Since(start)
	}
}

func (s *screen) stillWaiting(what string, since time.Duration) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.clear()
	text := fmt.Sprintf("   … %s (%d s)", what, int(since.Seconds()))
	if !s.terminal {
		text += "\n"
	}
	fmt.Fprint(s.out, s.styled(faint, text))
}

// progress shows what the stack says while it starts, each with its time.
type progress struct {
	screen *screen
	what   string
	done   func() time.Duration
}

// Write takes one line of the stack's progress.
func (p *progress) Write(text []byte) (int, error) {
	p.end()
	p.what = strings.TrimRight(strings.TrimSpace(string(text)), " …")
	if !p.screen.terminal {
		p.screen.line("   " + p.what + " …")
	}
	p.done = p.screen.waiting(p.what)
	return len(text), nil
}

// end closes the last line.
func (p *progress) end() {
	if p.done == nil {
		return
	}
	took := p.done()
	p.done = nil
	if p.screen.terminal {
		p.screen.line(fmt.Sprintf("   %-60s %s", p.what, p.screen.styled(faint, seconds(took))))
	}
}

func seconds(took time.Duration) string { return fmt.Sprintf("%.1f s", took.Seconds()) }

// outcome is a line of the closing table.
type outcome struct {
	function, what string
	took           time.Duration
	err            error
}

// summary writes the table.
func (s *screen) summary(outcomes []outcome) {
	s.line("")
	s.line(s.styled(bold, fmt.Sprintf("   %-23s %-60s %7s", "function", "what happened", "took")))
	for _, of := range outcomes {
		mark, what := s.styled(green, "✓"), of.what
		if of.err != nil {
			mark, what = s.styled(red, "✗"), "DID NOT HAPPEN: "+cmp.Or(of.what, "see above")
		}
		s.line(fmt.Sprintf(" %s %-23s %-60s %7s", mark, of.function, what, seconds(of.took)))
	}
	s.line("")
}
