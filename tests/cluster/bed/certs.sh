#!/bin/bash
# Create the certificates, tokens and kubeconfig of the test cluster. Usage: certs.sh DIR. They are created once for each DIR and expire after 30 days.
set -euo pipefail
D=$1; mkdir -p "$D"; cd "$D"
[ -f kubeconfig ] && openssl x509 -checkend 86400 -noout -in apiserver.crt >/dev/null && exit 0
openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 30 -subj /CN=bed-ca 2>/dev/null
sign() { # NAME SUBJECT ALTERNATIVE_NAMES
  openssl req -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.csr" -subj "$2" 2>/dev/null
  openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -out "$1.crt" -days 30 -extfile <(printf 'subjectAltName=%s' "$3") 2>/dev/null
}
sign apiserver /CN=kube-apiserver "DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local,IP:127.0.0.1,IP:10.88.0.1,IP:10.96.0.1"
sign webhook /CN=volcano-webhook "IP:127.0.0.1,DNS:localhost"
openssl genrsa -out sa.key 2048 2>/dev/null
openssl rsa -in sa.key -pubout -out sa.pub 2>/dev/null
cat >tokens.csv <<T
admintoken,admin,admin-uid,"system:masters"
T
cat >kubeconfig <<K
apiVersion: v1
kind: Config
clusters: [{name: bed, cluster: {server: "https://10.88.0.1:443", certificate-authority: $D/ca.crt}}]
users: [{name: admin, user: {token: admintoken}}]
contexts: [{name: paretonas-bed, context: {cluster: bed, user: admin}}]
current-context: paretonas-bed
K
