package configobject

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"golang.org/x/sync/errgroup"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awserror"
	"github.com/ecs-guardrails/ecs-guardrails/shared/configbucket"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/instancerole"
)

// RoleReader is the part of IAM's client that tells which roles are there, and
// what they can do.
type RoleReader interface {
	iam.GetAccountAuthorizationDetailsAPIClient
	instancerole.RightsReader
}

// maxReaders bounds how many roles IAM is asked about for one file, and
// readersAtATime how many of them side by side: IAM allows few calls a second.
const (
	maxReaders     = 20
	readersAtATime = 5
)

// readerState says which instance roles can read a file, or why that is unknown.
type readerState struct {
	// Roles are those whose instances are to read config files, as far as they
	// were asked about; Left is how many were not.
	Roles []configReader
	Left  int
	// Unknown is the permission that was missing, "" for none.
	Unknown string
}

// configReader is one role, with the actions that it lacks.
type configReader struct {
	Name  string
	Lacks []string
}

// readers asks IAM about the roles that are to read config files. The list of
// roles is remembered for long, since it takes a call for a thousand roles of
// the account, and what a role can do for a file as everything else.
func (o observer) readers(ctx context.Context, object Object, bucket configbucket.Posture, encryptedWith string) (readerState, error) {
	roles, err := o.roles.Get("", func() ([]instancerole.Role, bool, error) {
		roles, err := o.settings.instanceRoles().ListConfigReaders(ctx, o.Roles, o.now())
		return roles, true, err
	})
	if awserror.Classify(err) == awserror.Denied {
		return readerState{Unknown: awserror.Operation(err)}, nil
	}
	if err != nil {
		return readerState{}, err
	}
	file := instancerole.ConfigFile{Region: o.region, Bucket: object.Bucket, Key: object.Key}
	if isKeyOf(bucket.EncryptionKey, encryptedWith) {
		file.KeyARN = encryptedWith
	}
	asked := roles[:min(len(roles), maxReaders)]
	state := readerState{Roles: make([]configReader, len(asked)), Left: len(roles) - len(asked)}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(readersAtATime)
	for i, role := range asked {
		state.Roles[i].Name = role.Name
		if bucket.MayLetRead(role.ARN, file.Bucket, file.Key) {
			continue
		}
		group.Go(func() (err error) {
			state.Roles[i].Lacks, err = o.access.Get(strings.Join([]string{role.ARN, file.Bucket, file.Key, file.KeyARN}, " "), func() ([]string, bool, error) {
				lacks, err := instancerole.LacksForConfig(ctx, o.Roles, role, file, o.now())
				return lacks, len(lacks) == 0, err
			})
			return err
		})
	}
	switch err := group.Wait(); awserror.Classify(err) {
	case awserror.Denied:
		return readerState{Unknown: awserror.Operation(err)}, nil
	case awserror.Gone:
		// A role was deleted since the list was made; the next list has it no more.
		o.roles.Forget("")
		return readerState{}, nil
	default:
		return state, err
	}
}

// isKeyOf reports whether an object's key is the one that its bucket names,
// which is a customer's: the policy of AWS's own key lets everybody in who may
// read the object, so that a role needs no permission for it. A bucket may
// name its key by an alias, which tells nothing.
func isKeyOf(bucketKey, objectKey string) bool {
	return bucketKey != "" && (objectKey == bucketKey || strings.HasSuffix(objectKey, "/"+bucketKey))
}

// findings says what it means where roles cannot read the file. A fleet may
// well have a role for each prefix, so that a role which cannot read a file
// that another one can is no more than something to know.
func (r readerState) findings(object Object) []finding.Finding {
	if r.Unknown != "" {
		return []finding.Finding{readersUnchecked.With(finding.Words("missing", r.Unknown))}
	}
	const named = 5
	var cannot []string
	for _, role := range r.Roles {
		if len(role.Lacks) > 0 {
			cannot = append(cannot, fmt.Sprintf("%s lacks %s", finding.Shown(role.Name), strings.Join(role.Lacks, " and ")))
		}
	}
	if len(cannot) == 0 {
		return nil
	}
	list := strings.Join(cannot[:min(len(cannot), named)], ", ")
	if len(cannot) > named {
		list += fmt.Sprintf(" and %d more", len(cannot)-named)
	}
	template := noneCanRead
	if len(cannot) < len(r.Roles) || r.Left > 0 {
		template = someCannotRead
	}
	return []finding.Finding{template.With(finding.Words("roles", list), finding.Name("object", object.address()))}
}
