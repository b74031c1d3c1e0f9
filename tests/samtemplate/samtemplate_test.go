package samtemplate

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

const sample = `
Metadata:
  AWS::CloudFormation::Interface:
    ParameterGroups:
      - Label: { default: Second }
        Parameters: [Size]
Parameters:
  Other: { Type: String, Description: last }
  Size: { Type: Number, Default: 1, MinValue: 0, MaxValue: 9, Description: how large }
Conditions:
  Restores: !Not [!Equals [!Join ["", !Split [restore, !Ref Allow]], !Ref Allow]]
  HasBuckets: !Not [!Equals [!Select [0, !Ref Buckets], ""]]
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      Policies:
        - PolicyDocument:
            Statement:
              # To read.
              - Sid: Read
                Effect: Allow
                Action:
                  - iam:GetRole
                  # To
                  # simulate.
                  - iam:Simulate
                # Any role.
                Resource: !Sub arn:${AWS::Partition}:iam::${AWS::AccountId}:role/*
                Condition:
                  StringEquals: { aws:Tag: [a, b] }
              - !If
                - Restores
                # To put back.
                - Sid: Put
                  Effect: Allow
                  Action: s3:PutObject
                  Resource: ["*", !GetAtt Bucket.Arn]
                - !Ref AWS::NoValue
              - Sid: Never
                Effect: Deny
                Action: s3:*
                Resource: "*"
  More:
    Type: AWS::IAM::Policy
    Condition: HasBuckets
    Properties:
      Roles: [!Ref Role]
      PolicyDocument:
        Statement:
          # To list.
          - Sid: List
            Effect: Allow
            Action:
              - !If [Restores, s3:ListBucketVersions, !Ref AWS::NoValue]
            Resource: !Split
              - ","
              - !Sub
                - arn:*:s3:::${Names}/*
                - Names: !Join ["/*,arn:*:s3:::", !Ref Buckets]
`

func TestPermissions(t *testing.T) {
	template, err := Parse([]byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	want := []Statement{
		{
			SID: "Read", Actions: []Action{{"iam:GetRole", "To read.", ""}, {"iam:Simulate", "To simulate.", ""}},
			Resources: []string{"`role/*`"}, Conditions: []string{"`aws:Tag` is `a` or `b`"}, Note: "Any role.",
		},
		{SID: "Put", Actions: []Action{{"s3:PutObject", "To put back.", ""}}, Resources: []string{"all", "the stack's `Bucket`"}, Only: "Allow=restore"},
		{SID: "List", Actions: []Action{{"s3:ListBucketVersions", "To list.", "Allow=restore"}}, Resources: []string{"`${Buckets}/*`"}, Only: "Buckets"},
	}
	if diff := cmp.Diff(want, template.Permissions("Role")); diff != "" {
		t.Error(diff)
	}
	if got := template.Permissions("Nobody"); got != nil {
		t.Errorf("got %v", got)
	}
}

func TestParameters(t *testing.T) {
	template, err := Parse([]byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	want := []Parameter{
		{Name: "Size", Group: "Second", Type: "Number", Default: "1", Description: "how large", HasDefault: true, Allowed: "0 to 9"},
		{Name: "Other", Type: "String", Description: "last"},
	}
	if diff := cmp.Diff(want, template.Parameters()); diff != "" {
		t.Error(diff)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{"", "- a", "a: [", "text"} {
		if _, err := Parse([]byte(text)); err == nil {
			t.Errorf("%q was taken for a template", text)
		}
	}
}
