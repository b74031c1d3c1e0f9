//go:build !lambda.norpc

package main

import (
	"context"
	"os"
	"os/signal"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awsclient/s3client"
	"github.com/ecs-guardrails/ecs-guardrails/shared/mutecommand"
)

// muteIfAsked lists or changes what is muted and ends the process, if the first
// argument is "mute".
func muteIfAsked(args []string) {
	if len(args) == 0 || args[0] != "mute" {
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := mutecommand.Command(ctx, args[1:], mutecommand.Shell{
		Load: func(ctx context.Context, profile, region string) (mutecommand.Storage, error) {
			configuration, err := shell(ctx, profile, region)
			if err != nil {
				return nil, err
			}
			return s3client.New(configuration), nil
		},
		Bucket: os.Getenv("REPORT_BUCKET"), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Now: time.Now,
	})
	stop()
	os.Exit(code)
}
