// Package emulator runs MiniStack, the AWS emulator of the local stack.
package emulator

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/tests/awscall"
	"github.com/ecs-guardrails/ecs-guardrails/tests/ecsimage"
	"github.com/ecs-guardrails/ecs-guardrails/tests/patience"
	"github.com/ecs-guardrails/ecs-guardrails/tests/toolchain"
)

//go:embed launch.py
var launcher string

// Options say how to run the emulator.
type Options struct {
	// Python is the interpreter of the environment that MiniStack is installed in.
	Python string
	// Folder takes all that MiniStack writes, Log what it says.
	Folder string
	Log    string
	// Endpoint is the URL under which functions reach AWS: the rig's own
	// endpoint, in front of MiniStack.
	Endpoint string
	Account  string
	Region   string
	// Provided is what AWS has for every account and MiniStack lacks.
	Provided Provided
	// Internal is informed about each call that a service of the emulator makes for a
	// principal without sending it through the endpoint.
	Internal func(awscall.Internal)
}

// Provided is written to launch.py.
type Provided struct {
	// ManagedPolicies are the documents of AWS managed policies by the
	// resource part of their ARN, as in "service-role/AWSLambdaRole".
	ManagedPolicies map[string]json.RawMessage `json:"managedPolicies"`
	// Images are public, and Parameters the public ones of Systems Manager.
	Images     []ecsimage.Image  `json:"images"`
	Parameters map[string]string `json:"parameters"`
}

// Emulator is a running MiniStack.
type Emulator struct {
	// URL is MiniStack's own address, behind the rig's endpoint.
	URL     *url.URL
	log     string
	command *exec.Cmd
	// life is MiniStack's standard input: it ends when this is closed, and so
	// when this process ends.
	life io.Closer
	done chan struct{}
}

// startTimeout bounds the wait for MiniStack's first answer; it takes one to
// five seconds on two busy cores.
const startTimeout = 90 * time.Second

// Start runs MiniStack on a free port and waits until it answers.
func Start(ctx context.Context, options Options) (*Emulator, error) {
	for _, folder := range []string{"home", "tmp", "s3", "state"} {
		if err := os.MkdirAll(filepath.Join(options.Folder, folder), 0o755); err != nil {
			return nil, fmt.Errorf("making the emulator's folder: %w", err)
		}
	}
	var err error
	// Between choosing a port and MiniStack's taking it, another program may
	// have taken it.
	for range 3 {
		var emulator *Emulator
		if emulator, err = start(ctx, options); err == nil {
			return emulator, nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, err
}

func start(ctx context.Context, options Options) (*Emulator, error) {
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	log, err := os.Create(options.Log)
	if err != nil {
		return nil, fmt.Errorf("making the emulator's log: %w", err)
	}
	defer log.Close()
	provided, err := json.Marshal(options.Provided)
	if err != nil {
		return nil, fmt.Errorf("encoding what AWS provides: %w", err)
	}

	command := exec.Command(options.Python, "-c", launcher)
	command.Dir = options.Folder
	command.Stdout, command.Stderr = log, log
	// A group of its own: Ctrl-C reaches the rig first, and everything that
	// MiniStack started can be ended with it.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// MiniStack hands its whole environment to the functions, so nothing of
	// the caller's may be in it.
	command.Env = []string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + filepath.Join(options.Folder, "home"),
		"TMPDIR=" + filepath.Join(options.Folder, "tmp"),
		"S3_DATA_DIR=" + filepath.Join(options.Folder, "s3"),
		"STATE_DIR=" + filepath.Join(options.Folder, "state"),
		"BIND_HOST=127.0.0.1",
		"GATEWAY_PORT=" + strconv.Itoa(port),
		"MINISTACK_ACCOUNT_ID=" + options.Account,
		"MINISTACK_REGION=" + options.Region,
		"AWS_ENDPOINT_URL=" + options.Endpoint,
		// Lambda sets it from LoggingConfig, which asks for JSON in every function
		// of the template; MiniStack keeps LoggingConfig without acting on it.
		"AWS_LAMBDA_LOG_FORMAT=JSON",
		// No Docker, and no listener on a fixed port.
		"LAMBDA_EXECUTOR=local",
		"DOCKER_HOST=unix:///nonexistent",
		"SFTP_ENABLED=0",
		"IOT_MTLS_ENABLED=0",
		"PYTHONUNBUFFERED=1",
	}
	life, err := command.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("preparing the emulator: %w", err)
	}
	calls, told, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("preparing the emulator: %w", err)
	}
	// The first extra file is descriptor 3.
	command.ExtraFiles = []*os.File{told}
	if err := command.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("starting the emulator: %w", err), calls.Close(), told.Close())
	}
	_ = told.Close()
	go readInternal(calls, options.Internal)
	emulator := &Emulator{
		URL:     &url.URL{Scheme: "http", Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(port))},
		log:     options.Log,
		command: command,
		life:    life,
		done:    make(chan struct{}),
	}
	go func() {
		_ = command.Wait()
		close(emulator.done)
	}()
	if _, err := life.Write(append(provided, '\n')); err != nil {
		return nil, errors.Join(fmt.Errorf("telling the emulator what AWS provides: %w", err), emulator.Stop())
	}
	if err := emulator.waitReady(ctx); err != nil {
		return nil, errors.Join(err, emulator.Stop())
	}
	return emulator, nil
}

// readInternal reads one call a line, until MiniStack is gone.
func readInternal(calls io.ReadCloser, tell func(awscall.Internal)) {
	defer calls.Close()
	decoder := json.NewDecoder(calls)
	for {
		var call awscall.Internal
		if decoder.Decode(&call) != nil {
			return
		}
		if tell != nil {
			tell(call)
		}
	}
}

func (e *Emulator) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience.Scale(startTimeout))
	defer cancel()
	health := e.URL.JoinPath("_ministack", "health").String()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, health, nil)
		if err != nil {
			return fmt.Errorf("asking whether the emulator is ready: %w", err)
		}
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-e.done:
			return fmt.Errorf("the emulator ended as it started; the end of %s:\n%s", e.log, e.LogTail())
		case <-ctx.Done():
			return fmt.Errorf("the emulator did not answer in time (%w); the end of %s:\n%s", ctx.Err(), e.log, e.LogTail())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// Done is closed when MiniStack has ended.
func (e *Emulator) Done() <-chan struct{} { return e.done }

// LogTail is the end of MiniStack's log.
func (e *Emulator) LogTail() string {
	text, err := os.ReadFile(e.log)
	if err != nil {
		return err.Error()
	}
	return toolchain.LastLines(string(text), 20)
}

// stopTimeout is how long MiniStack gets to end by itself.
const stopTimeout = 5 * time.Second

// Stop ends MiniStack and every function that it runs.
func (e *Emulator) Stop() error {
	group := -e.command.Process.Pid
	_ = syscall.Kill(group, syscall.SIGTERM)
	select {
	case <-e.done:
	case <-time.After(patience.Scale(stopTimeout)):
	}
	// Functions may outlive MiniStack by a moment.
	if err := syscall.Kill(group, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) && !errors.Is(err, syscall.EPERM) {
		return fmt.Errorf("ending the emulator's processes: %w", err)
	}
	<-e.done
	_ = e.life.Close()
	return nil
}

// FreePort returns a TCP port on the loopback address that no one listens on.
func FreePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("finding a free port: %w", err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}
