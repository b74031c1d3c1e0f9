package environmentfile

import "fmt"

// Parse reads a file as the agent does: the assignments in their order, of
// which the last one of a name counts. It fails where the agent's reader does,
// and then no task starts with the file.
func Parse(content []byte) ([]Assignment, error) {
	lines, long := split(string(content))
	var assignments []Assignment
	for i := range lines {
		if a, ok := lines[i].assignment(); ok {
			assignments = append(assignments, a)
		}
	}
	if long != 0 {
		return nil, fmt.Errorf("read the environment file: line %d is 64 KiB or longer (bufio.MaxScanTokenSize): shorten it", long)
	}
	return assignments, nil
}
