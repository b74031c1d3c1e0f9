package faults

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/ecs-guardrails/ecs-guardrails/tests/canary"
	"github.com/ecs-guardrails/ecs-guardrails/tests/operator"
)

const goodConfig = "ECS_CLUSTER=storefront\nECS_ENABLE_TASK_IAM_ROLE=true\n"

// badConfig has the shape of credentials that another type wants, and a
// credential that may stand nowhere else.
func (w *World) badConfig() string {
	password := canary.Text()
	auth := base64.StdEncoding.EncodeToString([]byte("puller:" + password))
	w.plant("the password in an ecs.config", password)
	w.plant("the auth value in an ecs.config", auth)
	return "ECS_CLUSTER=storefront\nECS_ENGINE_AUTH_TYPE=docker\n" +
		`ECS_ENGINE_AUTH_DATA={"registry.example.com":{"auth":"` + auth + `"}}` + "\n"
}

// ValidateConfig are the scenarios of validate-config.
func ValidateConfig() []*Scenario {
	good := func(*World) string { return goodConfig }
	return []*Scenario{
		upload("a good file", "", nil, nil, good),
		upload("a bad file", "", nil, []string{"team", "shop"}, (*World).badConfig),
		upload("a bad file over a good one, restored", "", map[string]string{"ON_INVALID": "restore"}, []string{"team", "shop"}, good, (*World).badConfig),
		upload("a bad file in a bucket without versions", unversionedBucket, nil, nil, (*World).badConfig),
		logins(),
	}
}

// upload is a file that was uploaded, after others of the same key.
func upload(name, bucket string, settings map[string]string, tags []string, contents ...func(*World) string) *Scenario {
	if settings == nil {
		settings = map[string]string{"ON_INVALID": "report"}
	}
	in := func(world *World) string { return cmp.Or(bucket, world.stack.Outputs["ConfigBucket"]) }
	key := func(world *World) string { return world.Mark + "/ecs.config" }
	return &Scenario{
		Function: "validate-config", Name: name, Settings: settings,
		Lost: Cut{Call: "s3:PutObjectTagging", Number: 1},
		Arrange: func(ctx context.Context, world *World) (Trigger, Trigger, error) {
			world.atEnd(func(ctx context.Context) error { return world.deleteObjects(ctx, in(world), world.Mark+"/") })
			var uploaded operator.Object
			for _, content := range contents {
				var err error
				if uploaded, err = world.Upload(ctx, in(world), key(world), content(world), tags...); err != nil {
					return nil, nil, err
				}
			}
			event, err := world.uploadedEvent(uploaded)
			again := Async(text(map[string]string{"bucket": uploaded.Bucket, "key": uploaded.Key}))
			return event, again, err
		},
		State: func(ctx context.Context, world *World) ([]string, error) {
			return world.objectState(ctx, in(world), world.Mark+"/")
		},
	}
}

// logins is a file with credentials that are tried at their registry.
func logins() *Scenario {
	bad := func(world *World) string {
		password := canary.Text()
		world.plant("the password in an ecs.config", password)
		host := world.serve(http.HandlerFunc(refuse))
		return "ECS_CLUSTER=storefront\nECS_ENGINE_AUTH_TYPE=docker\n" +
			`ECS_ENGINE_AUTH_DATA={"` + host + `":{"username":"puller","password":"` + password + `"}}` + "\n"
	}
	return upload("a file whose login fails", "", map[string]string{
		"ON_INVALID": "report", "VERIFY_REGISTRY_LOGIN": "yes", "ALLOW_PRIVATE_REGISTRIES": "yes",
	}, nil, bad)
}

// refuse is a registry that refuses every login.
func refuse(writer http.ResponseWriter, _ *http.Request) {
	writer.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
	http.Error(writer, `{"errors":[{"code":"UNAUTHORIZED"}]}`, http.StatusUnauthorized)
}

// uploadedEvent is S3's notification of an upload.
func (w *World) uploadedEvent(object operator.Object) (Trigger, error) {
	if object.Version == "" {
		event, err := sample("ecs-config-uploaded-eventbridge.json",
			"acme-ecs-config", object.Bucket, "prod blue/ecs.config", object.Key, `"version-id": "3HL4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY",`, "")
		return Async(event), err
	}
	event, err := sample("ecs-config-uploaded.json",
		"acme-ecs-config", object.Bucket, "prod+blue/ecs.config", url.QueryEscape(object.Key), "3HL4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY", object.Version)
	return Async(event), err
}

// objectState reads every version of the objects below a prefix, oldest first.
func (w *World) objectState(ctx context.Context, bucket, prefix string) ([]string, error) {
	listed, err := w.S3.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &bucket, Prefix: &prefix})
	if err != nil {
		return nil, fmt.Errorf("listing the versions in %s: %w", bucket, err)
	}
	if aws.ToBool(listed.IsTruncated) {
		return nil, fmt.Errorf("more than a page of versions below s3://%s/%s", bucket, prefix)
	}
	var lines []string
	names := map[string]string{}
	ordinal := map[string]int{}
	for _, version := range slices.Backward(listed.Versions) {
		key, id := aws.ToString(version.Key), aws.ToString(version.VersionId)
		ordinal[key]++
		name := fmt.Sprintf("version %d of %s", ordinal[key], key)
		names[id] = name
		object := operator.Object{Bucket: bucket, Key: key, Version: id}
		content, err := w.content(ctx, object)
		if err != nil {
			return nil, err
		}
		lines = append(lines, fmt.Sprintf("%s is on top: %t, and says %s", name, aws.ToBool(version.IsLatest), w.disguised(content)))
		tags, err := w.ObjectTags(ctx, object)
		if err != nil {
			return nil, err
		}
		for _, tag := range slices.Sorted(maps.Keys(tags)) {
			value := tags[tag]
			if other, ok := names[value]; ok {
				value = other
			}
			lines = append(lines, fmt.Sprintf("%s has the tag %s=%s", name, tag, value))
		}
	}
	for _, marker := range listed.DeleteMarkers {
		lines = append(lines, fmt.Sprintf("%s was deleted", aws.ToString(marker.Key)))
	}
	return lines, nil
}

func (w *World) content(ctx context.Context, object operator.Object) (string, error) {
	input := &s3.GetObjectInput{Bucket: &object.Bucket, Key: &object.Key}
	if object.Version != "" {
		input.VersionId = &object.Version
	}
	got, err := w.S3.GetObject(ctx, input)
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", object, err)
	}
	content, err := io.ReadAll(got.Body)
	if err := errors.Join(err, got.Body.Close()); err != nil {
		return "", fmt.Errorf("reading %s: %w", object, err)
	}
	return string(content), nil
}

func (w *World) deleteObjects(ctx context.Context, bucket, prefix string) error {
	listed, err := w.S3.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &bucket, Prefix: &prefix})
	if err != nil {
		return fmt.Errorf("listing the versions in %s: %w", bucket, err)
	}
	var failures []error
	remove := func(key, version *string) {
		_, err := w.S3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: key, VersionId: version})
		failures = append(failures, err)
	}
	for _, version := range listed.Versions {
		remove(version.Key, version.VersionId)
	}
	for _, marker := range listed.DeleteMarkers {
		remove(marker.Key, marker.VersionId)
	}
	return errors.Join(failures...)
}
