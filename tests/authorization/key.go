package authorization

import (
	"slices"
	"strings"
)

// keyUses are the actions of KMS that a service asks for with the caller's
// credentials, where what the call names is encrypted with a customer's key (Amazon
// SQS, SNS and S3 developer guides, "Key management", "Using SSE-KMS encryption").
var keyUses = map[string][]string{
	"sqs:SendMessage":     {"kms:GenerateDataKey", "kms:Decrypt"},
	"sqs:ReceiveMessage":  {"kms:Decrypt"},
	"sns:Publish":         {"kms:GenerateDataKey", "kms:Decrypt"},
	"s3:PutObject":        {"kms:GenerateDataKey"},
	"s3:GetObject":        {"kms:Decrypt"},
	"s3:GetObjectVersion": {"kms:Decrypt"},
}

// keyDemands are the permissions on a key that demands bring with them. All that
// they name counts as encrypted with it.
func keyDemands(key string, demands []Demand) []Demand {
	if key == "" {
		return nil
	}
	var all []Demand
	for _, demand := range demands {
		service, _, _ := strings.Cut(demand.Action, ":")
		via := service + "." + strings.Split(key, ":")[3] + ".amazonaws.com"
		for _, action := range keyUses[demand.Action] {
			of := Demand{Action: action, Resource: key, Context: map[string][]string{"kms:ViaService": {via}}}
			if !slices.ContainsFunc(all, func(other Demand) bool {
				return other.Action == action && other.Context["kms:ViaService"][0] == via
			}) {
				all = append(all, of)
			}
		}
	}
	return all
}
