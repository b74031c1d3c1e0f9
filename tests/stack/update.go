package stack

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awserror"
	"github.com/ecs-guardrails/ecs-guardrails/tests/toolchain"
)

// Package has sam upload what a SAM template's functions consist of, as this
// stack has them, to a bucket of a region, since Lambda takes code from its own
// region alone, and returns the address of the packaged template. The template
// is the shipped one by default; another one, as that of an earlier release, has
// functions of the same folders.
func (s *Stack) Package(ctx context.Context, region, template string) (address string, err error) {
	programs, err := toolchain.Install(ctx, s.options.Checkout, toolchain.SAM, s.options.Progress)
	if err != nil {
		return "", err
	}
	packager := &sam{program: filepath.Join(programs, "sam"), stack: s}
	if err := packager.prepare(ctx); err != nil {
		return "", err
	}
	source := filepath.Join(packager.buildFolder(), "template.yaml")
	if template != "" {
		content, err := os.ReadFile(template)
		if err != nil {
			return "", fmt.Errorf("reading the template: %w", err)
		}
		// sam build names a function's folder by its logical id.
		source = filepath.Join(packager.buildFolder(), filepath.Base(template))
		// What the template names beside itself stays where it is.
		built := strings.NewReplacer("LicenseUrl: LICENSE", "LicenseUrl: "+filepath.Join(s.options.Checkout, "LICENSE"),
			"ReadmeUrl: README.md", "ReadmeUrl: "+filepath.Join(s.options.Checkout, "README.md")).Replace(string(content))
		for _, function := range []string{"attach-policies", "validate-config", "rotate-secret", "patch-task-definition", "diagnose-failure", "sweep", "notify"} {
			built = strings.ReplaceAll(built, "CodeUri: functions/"+function+"/", "CodeUri: "+LogicalID(function))
		}
		if err := os.WriteFile(source, []byte(built), 0o644); err != nil {
			return "", fmt.Errorf("writing what is packaged: %w", err)
		}
	}
	bucket := "packaged-templates-" + region
	objects := s3.NewFromConfig(s.Behind, func(options *s3.Options) { options.UsePathStyle, options.Region = true, region })
	input := &s3.CreateBucketInput{Bucket: &bucket}
	if region != Region {
		input.CreateBucketConfiguration = &s3types.CreateBucketConfiguration{LocationConstraint: s3types.BucketLocationConstraint(region)}
	}
	if _, err := objects.CreateBucket(ctx, input); err != nil && !awserror.HasCode(err, "BucketAlreadyOwnedByYou", "BucketAlreadyExists") {
		return "", fmt.Errorf("making a bucket for what sam packages: %w", err)
	}
	packaged := source + "." + region
	if err := packager.run(ctx, "sam package", "package", "--template-file", source, "--region", region, "--s3-bucket", bucket, "--output-template-file", packaged, "--no-progressbar"); err != nil {
		return "", err
	}
	content, err := os.Open(packaged)
	if err != nil {
		return "", fmt.Errorf("reading what sam packaged: %w", err)
	}
	defer func() { err = errors.Join(err, content.Close()) }()
	key := filepath.Base(packaged)
	if _, err := objects.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: content}); err != nil {
		return "", fmt.Errorf("keeping what sam packaged: %w", err)
	}
	return s.Endpoint + "/" + bucket + "/" + key, nil
}

// Apply creates or updates a CloudFormation stack of a region from a packaged
// template, and waits until it is done. Parameters that are left out have the
// template's defaults.
func (s *Stack) Apply(ctx context.Context, region, name, address string, parameters map[string]string) error {
	client := s.stacks(region)
	var list []types.Parameter
	for _, parameter := range slices.Sorted(maps.Keys(parameters)) {
		list = append(list, types.Parameter{ParameterKey: &parameter, ParameterValue: aws.String(parameters[parameter])})
	}
	capabilities := []types.Capability{types.CapabilityCapabilityIam, types.CapabilityCapabilityAutoExpand}
	_, err := client.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
	if err != nil {
		_, err = client.CreateStack(ctx, &cloudformation.CreateStackInput{StackName: &name, TemplateURL: &address, Parameters: list, Capabilities: capabilities})
	} else {
		_, err = client.UpdateStack(ctx, &cloudformation.UpdateStackInput{StackName: &name, TemplateURL: &address, Parameters: list, Capabilities: capabilities})
	}
	if err != nil {
		return fmt.Errorf("applying the template to the stack %s: %w", name, err)
	}
	return s.settled(ctx, client, name, types.StackStatusCreateComplete, types.StackStatusUpdateComplete)
}

// Delete deletes a CloudFormation stack of a region, and waits until it is gone.
func (s *Stack) Delete(ctx context.Context, region, name string) error {
	client := s.stacks(region)
	if _, err := client.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: &name}); err != nil {
		return fmt.Errorf("deleting the stack %s: %w", name, err)
	}
	return s.settled(ctx, client, name, types.StackStatusDeleteComplete)
}

func (s *Stack) stacks(region string) *cloudformation.Client {
	return cloudformation.NewFromConfig(s.Config, func(options *cloudformation.Options) { options.Region = region })
}

// settled waits for the end of what a stack does.
func (s *Stack) settled(ctx context.Context, client *cloudformation.Client, name string, wanted ...types.StackStatus) error {
	var status types.StackStatus
	var reason string
	err := Wait(ctx, "the stack "+name+" is done", func(ctx context.Context) (bool, error) {
		output, err := client.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
		if err != nil || len(output.Stacks) == 0 {
			// A deleted stack is known by its id alone.
			status = types.StackStatusDeleteComplete
			return true, nil
		}
		status, reason = output.Stacks[0].StackStatus, aws.ToString(output.Stacks[0].StackStatusReason)
		return !strings.HasSuffix(string(status), "_IN_PROGRESS"), nil
	})
	if err != nil {
		return err
	}
	if !slices.Contains(wanted, status) {
		return fmt.Errorf("the stack %s ended as %s: %s %q", name, status, reason, s.refusals(ctx, client, name))
	}
	return nil
}

// refusals gives what CloudFormation says of each resource that failed.
func (s *Stack) refusals(ctx context.Context, client *cloudformation.Client, name string) []string {
	output, err := client.DescribeStackEvents(ctx, &cloudformation.DescribeStackEventsInput{StackName: &name})
	if err != nil {
		return []string{err.Error()}
	}
	var failed []string
	for _, event := range output.StackEvents {
		if strings.HasSuffix(string(event.ResourceStatus), "_FAILED") {
			failed = append(failed, aws.ToString(event.LogicalResourceId)+": "+aws.ToString(event.ResourceStatusReason))
		}
	}
	return failed
}

// Resources lists the logical ids of a stack's resources.
func (s *Stack) Resources(ctx context.Context, region, name string) ([]string, error) {
	var resources []string
	pages := cloudformation.NewListStackResourcesPaginator(s.stacks(region), &cloudformation.ListStackResourcesInput{StackName: &name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("listing the resources of the stack %s: %w", name, err)
		}
		for _, resource := range page.StackResourceSummaries {
			resources = append(resources, aws.ToString(resource.LogicalResourceId))
		}
	}
	return resources, nil
}

// Follow makes this the stack that a person works with whose template or
// parameters were changed: its outputs and its functions are read again.
func (s *Stack) Follow(ctx context.Context) error {
	s.rolesMutex.Lock()
	clear(s.roles)
	s.rolesMutex.Unlock()
	return s.readOutputs(ctx)
}
