// Coldstart measures, in one run, how large each function's zip is and how long
// it takes to its first answer on AWS's own runtime interface emulator, against
// an empty handler. It prints figures and ratios; it judges only what would
// make them worthless, such as an answer that is an error.
package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// event is understood and answered by every function without a call to AWS, so
// that what is timed is the function alone.
const event = `{"source":"ecs-guardrails.bench","detail-type":"Nothing To Do","detail":{}}`

// patience bounds the wait for the emulator's port and for an answer.
const patience = 20 * time.Second

func main() {
	emulator := flag.String("emulator", "", "path of aws-lambda-rie")
	root := flag.String("root", "..", "the repository's root")
	runs := flag.Int("runs", 9, "cold starts of each function")
	flag.Parse()
	if err := measure(*emulator, *root, *runs); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// binary is a built function.
type binary struct {
	name, path string
	zipped     int64
	starts     []time.Duration
}

func measure(emulator, root string, runs int) error {
	folder, err := os.MkdirTemp(filepath.Join(root, ".local"), "bench-")
	if err != nil {
		return fmt.Errorf("make a folder for the binaries: %w", err)
	}
	defer func() { _ = os.RemoveAll(folder) }()

	mains, err := filepath.Glob(filepath.Join(root, "functions", "*", "main.go"))
	if err != nil || len(mains) == 0 {
		return fmt.Errorf("no functions below %s: %w", root, err)
	}
	empty, err := build(filepath.Join(root, "tests"), "./coldstart/empty", folder)
	if err != nil {
		return err
	}
	binaries := []*binary{empty}
	for _, main := range mains {
		built, err := build(root, "./functions/"+filepath.Base(filepath.Dir(main)), folder)
		if err != nil {
			return err
		}
		binaries = append(binaries, built)
	}
	// In turn, so that a change of the machine's speed meets all alike; the first
	// round only warms the disk's cache.
	for run := range runs + 1 {
		for _, b := range binaries {
			took, err := firstAnswer(emulator, b)
			if err != nil {
				return fmt.Errorf("start %s: %w", b.name, err)
			}
			if run > 0 {
				b.starts = append(b.starts, took)
			}
		}
	}
	return print(binaries)
}

// build compiles a function as sam build does (Makefile, template.yaml) and
// measures its zip.
func build(folder, of, into string) (*binary, error) {
	// The command runs in another folder than this process.
	path, err := filepath.Abs(filepath.Join(into, filepath.Base(of)))
	if err != nil {
		return nil, fmt.Errorf("find the folder of the binaries: %w", err)
	}
	command := exec.Command("go", "build", "-tags=lambda.norpc", "-trimpath", "-ldflags=-s -w", "-o", path, of)
	command.Dir = folder
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := command.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build %s: %w\n%s", of, err, output)
	}
	zipped, err := zippedSize(path)
	return &binary{name: filepath.Base(of), path: path, zipped: zipped}, err
}

func zippedSize(path string) (int64, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return 0, fmt.Errorf("read the binary: %w", err)
	}
	var archive bytes.Buffer
	writer := zip.NewWriter(&archive)
	writer.RegisterCompressor(zip.Deflate, func(to io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(to, flate.DefaultCompression)
	})
	entry, err := writer.Create("bootstrap")
	if err == nil {
		_, err = entry.Write(content)
	}
	if err = errors.Join(err, writer.Close()); err != nil {
		return 0, fmt.Errorf("zip the binary: %w", err)
	}
	return int64(archive.Len()), nil
}

// firstAnswer starts the emulator with a function and times the first
// invocation, in which the emulator starts the function.
func firstAnswer(emulator string, b *binary) (time.Duration, error) {
	front, err := freeAddress()
	if err != nil {
		return 0, err
	}
	back, err := freeAddress()
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var log bytes.Buffer
	command := exec.CommandContext(ctx, emulator, "--runtime-interface-emulator-address", front, "--runtime-api-address", back, b.path)
	command.Stdout, command.Stderr = &log, &log
	// What Lambda sets and nothing else: a setting of this machine's, such as
	// AWS_CA_BUNDLE, would be paid for by the functions alone.
	command.Env = []string{
		"PATH=/usr/bin:/bin", "AWS_LAMBDA_FUNCTION_NAME=" + b.name, "AWS_LAMBDA_FUNCTION_TIMEOUT=60",
		"AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test",
	}
	// The function is the emulator's child and holds its output: without a bound,
	// waiting for the emulator would wait for it, too.
	command.WaitDelay = time.Second
	if err := command.Start(); err != nil {
		return 0, fmt.Errorf("start the runtime interface emulator: %w", err)
	}
	defer func() {
		_ = command.Process.Signal(os.Interrupt)
		_ = command.Wait()
	}()
	if err := waitForPort(ctx, front); err != nil {
		return 0, fmt.Errorf("%w\n%s", err, log.String())
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+front+"/2015-03-31/functions/function/invocations", strings.NewReader(event))
	if err != nil {
		return 0, err
	}
	started := time.Now()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, fmt.Errorf("invoke: %w\n%s", err, log.String())
	}
	answer, err := io.ReadAll(response.Body)
	took := time.Since(started)
	_ = response.Body.Close()
	if err != nil || response.StatusCode != http.StatusOK || bytes.Contains(answer, []byte("errorMessage")) {
		return 0, fmt.Errorf("invoke: %s %s %w\n%s", response.Status, answer, err, log.String())
	}
	return took, nil
}

func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return listener.Addr().String(), listener.Close()
}

func waitForPort(ctx context.Context, address string) error {
	var dialer net.Dialer
	for {
		connection, err := dialer.DialContext(ctx, "tcp", address)
		if err == nil {
			return connection.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the runtime interface emulator did not listen on %s: %w", address, ctx.Err())
		case <-time.After(time.Millisecond):
		}
	}
}

func print(binaries []*binary) error {
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(table, "function\tzip MB\tfirst answer ms (median)\tmin\tmax\t× empty\t")
	yardstick := median(binaries[0].starts)
	for _, b := range binaries {
		_, _ = fmt.Fprintf(table, "%s\t%.2f\t%.1f\t%.1f\t%.1f\t%.2f\t\n", b.name, float64(b.zipped)/1e6,
			milliseconds(median(b.starts)), milliseconds(slices.Min(b.starts)), milliseconds(slices.Max(b.starts)),
			float64(median(b.starts))/float64(yardstick))
	}
	return table.Flush()
}

func median(of []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(of))
	return sorted[len(sorted)/2]
}

func milliseconds(of time.Duration) float64 { return float64(of.Microseconds()) / 1000 }
