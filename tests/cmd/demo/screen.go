package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// columns is how wide text is where no one says how wide the terminal is, and
// widest where it is very wide: long lines are hard to read.
const columns, widest = 80, 110

// labelWidth is the width of the column with "problem", "change" and so on.
const labelWidth = 9

// screen writes for a person. On a terminal it has colours and a line that
// tells how long the present wait has taken; elsewhere it has neither.
type screen struct {
	mutex    sync.Mutex
	out      io.Writer
	terminal bool
	colour   bool
	// width is the terminal's at the start, in columns, and measure gives the present one.
	width   int
	measure func() int
	// lines counts what was written.
	lines int
}

// newScreen follows https://no-color.org for colours.
func newScreen(out *os.File) *screen {
	terminal := false
	if info, err := out.Stat(); err == nil {
		terminal = info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
	}
	measure := func() int { return width(out, terminal) }
	return &screen{out: out, terminal: terminal, colour: terminal && os.Getenv("NO_COLOR") == "", width: measure(), measure: measure}
}

// width asks the terminal, or takes what the shell exports.
func width(out *os.File, terminal bool) int {
	if terminal {
		if size, err := unix.IoctlGetWinsize(int(out.Fd()), unix.TIOCGWINSZ); err == nil && size.Col > 0 {
			return min(int(size.Col), widest)
		}
	}
	if exported, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && exported >= 40 {
		return min(exported, widest)
	}
	return columns
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
	s.lines++
}

// clear removes the line of a wait.
func (s *screen) clear() {
	if s.terminal {
		fmt.Fprint(s.out, "\r\x1b[K")
	}
}

// title begins a part of the story.
func (s *screen) title(number int, text string) {
	s.line(s.styled(bold, fitted(fmt.Sprintf("%d. %s", number, text), s.width, 1)[0]))
}

// tell writes text beside a label, in so many lines at most: the story matters, and
// the functions' logs have the rest.
func (s *screen) tell(label, mark, text string, most int) {
	room := s.width - labelWidth - 3
	for index, part := range fitted(text, room-utf8.RuneCountInString(mark), most) {
		if index > 0 {
			label, mark = "", strings.Repeat(" ", utf8.RuneCountInString(mark))
		}
		if mark == ok {
			part = s.styled(green, mark) + part
		} else {
			part = mark + part
		}
		s.line("   " + s.styled(faint, fmt.Sprintf("%-*s", labelWidth, label)) + part)
	}
}

// ok begins what happened and what was checked.
const ok = "✓ "

// fitted breaks a text into lines. Of one that takes more than most, it keeps the
// sentences that fit, or else the words, and an ellipsis after the last.
func fitted(text string, width, most int) []string {
	if lines := sentences(text, width, most); lines != nil {
		return lines
	}
	lines := broken(text, width)[:most]
	last := lines[most-1]
	for utf8.RuneCountInString(last)+2 > width {
		end := strings.LastIndexByte(last, ' ')
		if end < 0 {
			break
		}
		last = last[:end]
	}
	lines[most-1] = strings.TrimRight(last, " ,;:") + " …"
	return lines
}

// sentences gives as many whole sentences as fit, nil where the first does not.
func sentences(text string, width, most int) []string {
	lines := broken(text, width)
	for end := len(text); len(lines) > most; lines = broken(text[:end+1], width) {
		if end = strings.LastIndex(text[:end], ". "); end < 0 {
			return nil
		}
	}
	return lines
}

// broken breaks a text at spaces, and a word that is longer than the width after
// what separates its parts, as in a path.
func broken(text string, width int) []string {
	var lines []string
	for paragraph := range strings.SplitSeq(text, "\n") {
		line := ""
		for word := range strings.SplitSeq(paragraph, " ") {
			if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
				lines, line = append(lines, line), ""
			}
			for utf8.RuneCountInString(word) > width {
				end := strings.LastIndexAny(word[:min(width, len(word))], "/:,=?-")
				if end < 0 {
					break
				}
				lines, word = append(lines, word[:end+1]), word[end+1:]
			}
			if line == "" {
				line = word
			} else {
				line += " " + word
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// waiting shows what is waited for until done is called, which returns how
// long it took.
func (s *screen) waiting(what string) (done func() time.Duration) {
	start := time.Now()
	if !s.terminal {
		// A log has nothing that could be painted over.
		return func() time.Duration { return time.Since(start) }
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		ticker := time.NewTicker(200 * time.Millisecond)
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
	// One row, also after the window has become narrower: the terminal clears no more
	// than that.
	row := []rune(fmt.Sprintf("   … %d s: %s", int(since.Seconds()), what))
	if most := s.measure() - 1; len(row) > most {
		row = []rune(fitted(string(row), most, 1)[0])
		row = row[:min(len(row), most)]
	}
	fmt.Fprint(s.out, s.styled(faint, string(row)))
}

// progress shows what the stack says while it starts, as long as it lasts.
type progress struct {
	screen *screen
	what   string
	done   func() time.Duration
}

// Write takes one line of the stack's progress.
func (p *progress) Write(text []byte) (int, error) {
	p.end()
	p.what = strings.TrimRight(strings.TrimSpace(string(text)), " …")
	p.done = p.screen.waiting(p.what)
	return len(text), nil
}

// end closes the last line.
func (p *progress) end() {
	if p.done == nil {
		return
	}
	p.done()
	p.done = nil
}

func seconds(took time.Duration) string { return fmt.Sprintf("%.1f s", took.Seconds()) }

// outcome is the result of a scene.
type outcome struct {
	what string
	err  error
}
