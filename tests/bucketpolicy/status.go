// Package bucketpolicy answers what the emulator does not know of who gets at
// buckets: s3:GetBucketPolicyStatus, whether a bucket's policy makes it public,
// and the account's public access block.
package bucketpolicy

import (
	"encoding/xml"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/ecs-guardrails/ecs-guardrails/tests/awscall"
	"github.com/ecs-guardrails/ecs-guardrails/tests/endpoint"
	"github.com/ecs-guardrails/ecs-guardrails/tests/policysimulation"
)

// Service reads the policies from the emulator.
type Service struct {
	S3 *s3.Client
}

// Answer is the endpoint's supplement for s3:GetBucketPolicyStatus.
func (s *Service) Answer(writer http.ResponseWriter, request *http.Request, exchange awscall.Exchange) bool {
	bucket, _ := exchange.Parameters["Bucket"].(string)
	output, err := s.S3.GetBucketPolicy(request.Context(), &s3.GetBucketPolicyInput{Bucket: &bucket})
	if err != nil {
		code, message, status := "InternalError", err.Error(), http.StatusInternalServerError
		if failure := smithy.APIError(nil); errors.As(err, &failure) {
			code, message = failure.ErrorCode(), failure.ErrorMessage()
		}
		if response := (*smithyhttp.ResponseError)(nil); errors.As(err, &response) {
			status = response.HTTPStatusCode()
		}
		endpoint.WriteS3Error(writer, status, code, message, bucket)
		return true
	}
	document, err := policysimulation.ParseDocument(aws.ToString(output.Policy))
	if err != nil {
		endpoint.WriteS3Error(writer, http.StatusInternalServerError, "InternalError", err.Error(), bucket)
		return true
	}
	endpoint.WriteXML(writer, struct {
		XMLName  xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ PolicyStatus"`
		IsPublic bool
	}{IsPublic: Public(document)})
	return true
}

// fixingKeys are the condition keys that keep a statement for everybody from
// being public when they are held to fixed values (Amazon S3 User Guide,
// "The meaning of 'public'").
var fixingKeys = []string{
	"aws:principalorgid", "aws:principalorgpaths", "aws:principalaccount", "aws:principalarn", "aws:sourcearn",
	"aws:sourcevpc", "aws:sourcevpce", "aws:sourceowner", "aws:sourceaccount", "aws:userid", "aws:principaltag",
	"s3:x-amz-server-side-encryption-aws-kms-key-id", "s3:dataaccesspointarn", "s3:dataaccesspointaccount",
}

// fixingOperators hold a key to what the policy names.
var fixingOperators = []string{
	"stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike",
	"foranyvalue:stringequals", "foranyvalue:stringlike",
}

// Public says whether a policy grants something to everybody.
func Public(document policysimulation.Document) bool {
	return slices.ContainsFunc(document.Statements, func(statement policysimulation.Statement) bool {
		return !statement.Deny && everybody(statement) && !slices.ContainsFunc(statement.Conditions, fixes)
	})
}

func everybody(statement policysimulation.Statement) bool {
	// Everybody but some is everybody.
	return statement.NotPrincipal != nil || slices.Contains(statement.Principals["*"], "*") || slices.Contains(statement.Principals["AWS"], "*")
}

func fixes(condition policysimulation.Condition) bool {
	operator, key := strings.ToLower(condition.Operator), strings.ToLower(condition.Key)
	if key == "aws:sourceip" {
		return operator == "ipaddress" && !slices.ContainsFunc(condition.Values, broad)
	}
	key, _, _ = strings.Cut(key, "/")
	return slices.Contains(fixingKeys, key) && slices.Contains(fixingOperators, operator) &&
		!slices.ContainsFunc(condition.Values, func(value string) bool { return !fixed(key, value) })
}

// fixed values have neither wildcards nor variables; in an ARN or a user ID
// the account or the role must be fixed.
func fixed(key, value string) bool {
	switch {
	case strings.Contains(value, "${"):
		return false
	case key == "aws:sourcearn" || key == "aws:principalarn" || key == "s3:dataaccesspointarn":
		parts := strings.SplitN(value, ":", 6)
		return len(parts) == 6 && parts[4] != "" && !strings.ContainsAny(parts[4], "*?")
	case key == "aws:userid":
		value = strings.TrimSuffix(value, ":*")
	}
	return !strings.ContainsAny(value, "*?")
}

// broadIPv4 and broadIPv6 are the longest prefixes that are still public.
const (
	broadIPv4 = 7
	broadIPv6 = 31
)

func broad(text string) bool {
	network, err := netip.ParsePrefix(text)
	if err != nil {
		_, err = netip.ParseAddr(text)
		return err != nil
	}
	if network.Addr().Is4() {
		return network.Bits() <= broadIPv4
	}
	return network.Bits() <= broadIPv6
}
