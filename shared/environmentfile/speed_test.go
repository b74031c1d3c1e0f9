package environmentfile_test

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/environmentfile"
)

// big are files of 1 MiB, the most that is read, with a fault in every line:
// each below 50 ms.
var big = map[string]string{
	"settings": "DB_HOST=db.internal\n", "words": "ab\n", "letters": "a\n", "hashes": "#\n", "nameless": "=x\n", "short": "A=\n", "spaces": " a=b \n",
	"quotes": "A='\nB=\"\n", "not UTF-8": "\xff=\n", "NUL bytes": "A=\x00\n", "CR": "A=b\r", "exports": "export A=1\n", "references": "A=${X}\n", "certificates": "A=-----BEGIN X\n",
	"open quote": "A='x\n'\n",
}

func mebibyte(line string) []byte {
	return []byte(strings.Repeat(line, 1<<20/len(line)+1)[:1<<20])
}

// TestSpeed bounds what 1 MiB of faults costs: no line beyond those that are
// reported costs a sentence, and none is gone through again for each line before
// it, which took a minute of processor time.
func TestSpeed(t *testing.T) {
	for name, line := range big {
		content := mebibyte(line)
		var before, after syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &before); err != nil {
			t.Fatal(err)
		}
		allocations := testing.AllocsPerRun(1, func() { environmentfile.Judge(content) })
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &after); err != nil {
			t.Fatal(err)
		}
		if took := time.Duration(after.Utime.Nano() - before.Utime.Nano()); took > 5*time.Second {
			t.Errorf("%s: two runs take %v of processor time", name, took)
		}
		if lines := strings.Count(string(content), "\n"); allocations > float64(10_000+lines/2) {
			t.Errorf("%s: %.0f allocations for %d lines", name, allocations, lines)
		}
	}
}

func BenchmarkMebibyte(b *testing.B) {
	for name, line := range big {
		content := mebibyte(line)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(content)))
			b.ReportAllocs()
			for b.Loop() {
				environmentfile.Judge(content)
			}
		})
	}
}
