package awsclient_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awsclient"
)

// inLambda sets what Lambda sets, and hides what the machine has.
func inLambda(t *testing.T) {
	for variable, value := range map[string]string{
		"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "ASIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "session",
		"AWS_PROFILE": "", "AWS_CONFIG_FILE": "/nonexistent", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent", "AWS_DEFAULT_REGION": "",
		"AWS_RETRY_MODE": "", "AWS_MAX_ATTEMPTS": "", "AWS_SDK_UA_APP_ID": "",
	} {
		t.Setenv(variable, value)
	}
}

func TestClientsHaveWhatTheEnvironmentSays(t *testing.T) {
	inLambda(t)
	t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
	t.Setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9000")
	configuration, err := awsclient.Load(t.Context(), "sweep")
	if err != nil {
		t.Fatal(err)
	}
	credentials, err := configuration.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if credentials.AccessKeyID != "ASIAEXAMPLE" || credentials.SecretAccessKey != "secret" || credentials.SessionToken != "session" {
		t.Errorf("the credentials are not the environment's, but those of %s", credentials.Source)
	}
	options := sqs.NewFromConfig(configuration).Options()
	if options.Region != "eu-central-1" || options.AppID != "ecs-guardrails-sweep" || aws.ToString(options.BaseEndpoint) != "http://127.0.0.1:4566" {
		t.Errorf("region %q, application id %q, endpoint %q", options.Region, options.AppID, aws.ToString(options.BaseEndpoint))
	}
	if attempts := options.Retryer.MaxAttempts(); attempts != 6 || options.RetryMode != aws.RetryModeAdaptive {
		t.Errorf("%d attempts in mode %q", attempts, options.RetryMode)
	}
	if endpoint := aws.ToString(s3.NewFromConfig(configuration).Options().BaseEndpoint); endpoint != "http://127.0.0.1:9000" {
		t.Errorf("S3's own endpoint is %q", endpoint)
	}
}

func TestUseOfFIPSEndpointsIsKept(t *testing.T) {
	inLambda(t)
	t.Setenv("AWS_USE_FIPS_ENDPOINT", "true")
	configuration, err := awsclient.Load(t.Context(), "sweep")
	if err != nil {
		t.Fatal(err)
	}
	if state := sqs.NewFromConfig(configuration).Options().EndpointOptions.UseFIPSEndpoint; state != aws.FIPSEndpointStateEnabled {
		t.Errorf("FIPS endpoints: %v", state)
	}
}
