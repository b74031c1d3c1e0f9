// Package processmemory reads from Linux how much memory processes took.
package processmemory

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Process is a running one.
type Process struct {
	PID, Parent int
	// Program is the path of its executable, "" where it cannot be read.
	Program string
	// Peak is the most memory that it held at once, in bytes: VmHWM, the high
	// water mark of the resident set (proc_pid_status(5)).
	Peak int64
}

// Descendants returns the processes that a process started, and those that
// these started. What ends meanwhile is left out.
func Descendants(of int) ([]Process, error) {
	folders, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, fmt.Errorf("list the processes: %w", err)
	}
	children := map[int][]Process{}
	for _, folder := range folders {
		process, err := read(folder)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, errEnded) {
			continue
		}
		if err != nil {
			return nil, err
		}
		children[process.Parent] = append(children[process.Parent], process)
	}
	var found []Process
	for queue := []int{of}; len(queue) > 0; queue = queue[1:] {
		for _, child := range children[queue[0]] {
			found = append(found, child)
			queue = append(queue, child.PID)
		}
	}
	return found, nil
}

// Variable is a variable of the process's environment, "" where it has none or
// has ended.
func (p Process) Variable(name string) string {
	environment, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", p.PID))
	if err != nil {
		return ""
	}
	for variable := range strings.SplitSeq(string(environment), "\x00") {
		if value, ok := strings.CutPrefix(variable, name+"="); ok {
			return value
		}
	}
	return ""
}

// errEnded is a process that holds no memory any more.
var errEnded = errors.New("the process has ended")

func read(folder string) (Process, error) {
	pid, err := strconv.Atoi(filepath.Base(folder))
	if err != nil {
		return Process{}, fmt.Errorf("%s is no process: %w", folder, err)
	}
	file, err := os.Open(filepath.Join(folder, "status"))
	if err != nil {
		return Process{}, fmt.Errorf("look at process %d: %w", pid, err)
	}
	defer file.Close()
	process := Process{PID: pid}
	// Other users' programs cannot be read, and are not asked for.
	process.Program, _ = os.Readlink(filepath.Join(folder, "exe"))
	measured := false
	for lines := bufio.NewScanner(file); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ":")
		switch value = strings.TrimSpace(value); name {
		case "PPid":
			process.Parent, err = strconv.Atoi(value)
		case "VmHWM":
			var kilobytes int64
			kilobytes, err = strconv.ParseInt(strings.TrimSuffix(value, " kB"), 10, 64)
			process.Peak, measured = kilobytes<<10, true
		}
		if err != nil {
			return Process{}, fmt.Errorf("read %s of process %d: %w", name, pid, err)
		}
	}
	if !measured {
		return Process{}, errEnded
	}
	return process, nil
}
