package registrytest

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
)

// Identity signs tokens about the function's role, as AWS STS does in an account
// with outbound identity federation (AWS STS API Reference, GetWebIdentityToken).
type Identity struct {
	// Token is what it answers; "" for an account without the federation.
	Token string
	// Audience is the only one that the role may ask for, by its policy.
	Audience string
	// Interruption may cut calls off.
	Interruption *Interruption
}

// GetWebIdentityToken implements the operation of STS.
func (i *Identity) GetWebIdentityToken(_ context.Context, input *sts.GetWebIdentityTokenInput, _ ...func(*sts.Options)) (output *sts.GetWebIdentityTokenOutput, err error) {
	cut := i.Interruption.Around(func() {
		switch {
		case !slices.Equal(input.Audience, []string{i.Audience}) || aws.ToString(input.SigningAlgorithm) != "RS256" || aws.ToInt32(input.DurationSeconds) > 300:
			err = errors.New("AccessDenied: the role's policy lets it ask for no such token")
		case i.Token == "":
			err = &types.OutboundWebIdentityFederationDisabledException{Message: aws.String("the federation is off")}
		default:
			output = &sts.GetWebIdentityTokenOutput{WebIdentityToken: &i.Token, Expiration: aws.Time(time.Unix(0, 0))}
		}
	})
	if cut != nil {
		return nil, cut
	}
	return output, err
}
