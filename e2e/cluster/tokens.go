package cluster

import (
	"context"
	"os"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// WriteToken mints a token of a ServiceAccount and replaces the file with it, as the kubelet does in a pod.
//
// The shortest life that the API grants is ten minutes. So that a test can end a token at once, it is bound to a Secret
// of the given name: RevokeToken deletes it, and within the ten seconds of the API server's cache the token is refused.
func (c *Cluster) WriteToken(ctx context.Context, path, namespace, account, bound string) error {
	secret, err := c.Client.CoreV1().Secrets(namespace).Create(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: bound}}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	seconds := int64(600)
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{
		ExpirationSeconds: &seconds,
		BoundObjectRef:    &authenticationv1.BoundObjectReference{Kind: "Secret", APIVersion: "v1", Name: secret.Name, UID: secret.UID},
	}}
	answer, err := c.Client.CoreV1().ServiceAccounts(namespace).CreateToken(ctx, account, request, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", []byte(answer.Status.Token), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// RevokeToken ends the token that is bound to the Secret.
func (c *Cluster) RevokeToken(ctx context.Context, namespace, bound string) error {
	return c.Client.CoreV1().Secrets(namespace).Delete(ctx, bound, metav1.DeleteOptions{})
}
