// Package secondemulator runs the shipped functions against moto, an emulator of
// AWS by other authors than that of the local stack, and compares what they do.
//
// Where two emulators agree that a function's calls are right, an error of the one
// doesn't hide an error of the function.
package secondemulator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/tests/emulator"
	"github.com/ecs-guardrails/ecs-guardrails/tests/patience"
	"github.com/ecs-guardrails/ecs-guardrails/tests/toolchain"
)

// Moto is a running moto server.
type Moto struct {
	URL     *url.URL
	command *exec.Cmd
	ended   chan struct{}
}

// startTimeout bounds the wait for the first answer; moto takes two seconds on an
// idle processor.
const startTimeout = 60 * time.Second

// StartMoto installs moto, if need be, and runs it on a free port with AWS's managed
// policies. folder takes its log.
func StartMoto(ctx context.Context, checkout, folder string) (*Moto, error) {
	programs, err := toolchain.Install(ctx, checkout, toolchain.Moto, os.Stderr)
	if err != nil {
		return nil, err
	}
	port, err := emulator.FreePort()
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(folder, "moto.log"))
	if err != nil {
		return nil, fmt.Errorf("making moto's log: %w", err)
	}
	defer log.Close()
	command := exec.Command(filepath.Join(programs, "python"), "-m", "moto.server", "--host", "127.0.0.1", "--port", strconv.Itoa(port))
	command.Dir = folder
	command.Stdout, command.Stderr = log, log
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + folder, "MOTO_IAM_LOAD_MANAGED_POLICIES=true", "AWS_DEFAULT_REGION=us-east-1"}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("starting moto: %w", err)
	}
	moto := &Moto{URL: &url.URL{Scheme: "http", Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}, command: command, ended: make(chan struct{})}
	go func() {
		_ = command.Wait()
		close(moto.ended)
	}()
	if err := moto.wait(ctx); err != nil {
		moto.Stop()
		content, _ := os.ReadFile(log.Name())
		return nil, fmt.Errorf("starting moto: %w\n%s", err, toolchain.LastLines(string(content), 15))
	}
	return moto, nil
}

func (m *Moto) wait(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience.Scale(startTimeout))
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, m.URL.JoinPath("moto-api/data.json").String(), nil)
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			return response.Body.Close()
		}
		select {
		case <-m.ended:
			return errors.New("it ended")
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Stop ends the server.
func (m *Moto) Stop() {
	_ = m.command.Process.Kill()
	<-m.ended
}
