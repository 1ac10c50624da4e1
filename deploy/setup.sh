#!/usr/bin/env bash
# Makes what a service needs in a project of Google Cloud: deploy/setup.sh PROJECT REGION
# It can be run again: what is there stays as it is.
set -euo pipefail

project=${1:?usage: deploy/setup.sh PROJECT REGION}
region=${2:?usage: deploy/setup.sh PROJECT REGION}
account="datagen@${project}.iam.gserviceaccount.com"
bucket="gs://${project}-datagen"
indexes="$(cd "$(dirname "$0")/.." && pwd)/datagen_nb/stores/firestore/firestore.indexes.json"

gcloud services enable --project="$project" \
    artifactregistry.googleapis.com cloudbuild.googleapis.com firestore.googleapis.com \
    iamcredentials.googleapis.com run.googleapis.com storage.googleapis.com

gcloud artifacts repositories describe datagen --project="$project" --location="$region" >/dev/null 2>&1 ||
    gcloud artifacts repositories create datagen --project="$project" --location="$region" \
        --repository-format=docker

gcloud iam service-accounts describe "$account" --project="$project" >/dev/null 2>&1 ||
    gcloud iam service-accounts create datagen --project="$project" --display-name="datagen-nb"

# Jobs, customers and keys. No TTL policy: the service deletes, and counts what it deletes.
gcloud firestore databases describe --database=datagen --project="$project" >/dev/null 2>&1 ||
    gcloud firestore databases create --database=datagen --project="$project" --location="$region" \
        --type=firestore-native --delete-protection
gcloud projects add-iam-policy-binding "$project" --member="serviceAccount:$account" \
    --role=roles/datastore.user --condition=None --quiet >/dev/null

# Uploads and results. No lifecycle rule, for the same reason.
gcloud storage buckets describe "$bucket" --project="$project" >/dev/null 2>&1 ||
    gcloud storage buckets create "$bucket" --project="$project" --location="$region" \
        --uniform-bucket-level-access --public-access-prevention
gcloud storage buckets add-iam-policy-binding "$bucket" --project="$project" \
    --member="serviceAccount:$account" --role=roles/storage.objectUser >/dev/null

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp "$indexes" "$folder/firestore.indexes.json"
echo '{"firestore": [{"database": "datagen", "indexes": "firestore.indexes.json"}]}' >"$folder/firebase.json"
(cd "$folder" && firebase deploy --only firestore:indexes --project "$project")
