"""The formats of tokens that issuers and public rule sets document: prefix, alphabet and length. A table of facts.

Most issuers chose their prefixes so that scanners find leaked tokens.
"""

from __future__ import annotations

HEX = "[0-9a-fA-F]"
ALNUM = "[A-Za-z0-9]"
WORD = "[A-Za-z0-9_-]"
DOTTED = "[A-Za-z0-9_.-]"
BASE64 = "[A-Za-z0-9+/=_%-]"
UPPER = "[A-Z0-9]"
LOWER = "[a-z0-9]"
RANDOM = "[a-zA-Z0-9_-]"
"""The characters of `WORD`, but they must also look random, because the prefix also begins ordinary words."""

FORMATS: tuple[tuple[str, str, int, str], ...] = (
    # https://docs.aws.amazon.com/appsync/latest/devguide/security-authz.html
    ("AppSync API key", ALNUM, 20, "da2-"),
    # https://developers.google.com/identity/protocols/oauth2
    ("Google refresh token", WORD, 30, "1//0"),
    # https://www.tencentcloud.com/document/product/598/32675
    ("Tencent key id", ALNUM, 32, "AKID"),
    # https://developers.cloudflare.com/fundamentals/api/get-started/token-formats
    ("Cloudflare token", ALNUM, 40, "cfk_ cfut_ cfat_"),
    # https://www.backblaze.com/docs/cloud-storage-application-keys
    ("Backblaze key", BASE64, 26, "K001 K002 K003 K004 K005"),
    # https://www.tigrisdata.com/docs/iam/manage-access-key/
    ("Tigris key", WORD, 40, "tsec_"),
    # https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/
    ("GitHub token", ALNUM, 30, "ghp_ gho_ ghu_ ghs_ ghr_"),
    # https://docs.gitlab.com/security/tokens/
    (
        "GitLab token",
        DOTTED,
        20,
        "glpat- gldt- glrt- glrtr- glptt- glft- gloas- glsoat- glcbt- glimt- glagent- glffct- glwt-",
    ),
    # https://jsr.io/docs/api
    ("JSR token", ALNUM, 30, "jsrp_"),
    # https://docs.snyk.io/snyk-api/authentication-for-api
    ("Snyk token", WORD, 30, "snyk_uat. snyk_sat."),
    # https://www.chromatic.com/docs/setup/
    ("Chromatic token", HEX, 12, "chpt_"),
    # https://www.browserstack.com/docs/percy/get-started/overview
    ("Percy token", HEX, 60, "web_ app_ auto_ ss_ vmw_ res_"),
    # https://www.checklyhq.com/docs/cli/authentication/
    ("Checkly key", HEX, 32, "cu_ sv_"),
    # https://infisical.com/docs/documentation/platform/token
    ("Infisical token", DOTTED, 60, "st."),
    # https://docs.getdbt.com/docs/dbt-cloud-apis/authentication
    ("dbt token", WORD, 30, "dbtc_ dbtu_"),
    # https://trigger.dev/docs/apikeys
    ("Trigger.dev key", ALNUM, 20, "tr_dev_ tr_prod_ tr_stg_ tr_preview_ tr_pat_ tr_oat_"),
    # https://api-docs.inngest.com/authentication
    ("Inngest key", HEX, 24, "signkey-prod- signkey-test- signkey-branch- signkey-"),
    # https://workos.com/docs/reference/api-keys
    ("WorkOS key", ALNUM, 20, "sk_test_a2V5 sk_live_a2V5"),
    # https://stytch.com/docs/api
    ("Stytch secret", WORD, 24, "secret-live- secret-test-"),
    # https://docs.arcjet.com/get-started
    ("Arcjet key", LOWER, 20, "ajkey_"),
    # https://xata.io/docs/platform/api-keys
    ("Xata key", ALNUM, 24, "xau_"),
    # https://aiven.io/docs/platform/concepts/service-users
    ("Aiven password", WORD, 18, "AVNS_"),
    # https://www.tinybird.co/docs/forward/administration/tokens
    ("Tinybird token", DOTTED, 60, "p.eyJ"),
    # https://docs.fauna.com/fauna/current/learn/security/keys/
    ("Fauna secret", WORD, 36, "fnAD fnAE fnAF"),
    # https://www.sanity.io/docs/content-lake/http-auth
    ("Sanity token", ALNUM, 80, "sk"),
    # https://docs.statsig.com/access-management/api-keys
    ("Statsig key", ALNUM, 36, "secret-"),
    # https://docs.getunleash.io/reference/api-tokens-and-client-keys
    ("Unleash token", HEX, 40, "*:production. *:development. default:production. default:development."),
    # https://docs.helicone.ai/helicone-headers/helicone-auth
    ("AI API key", WORD, 24, "sk-helicone- pk-helicone-"),
    # https://docs.fireworks.ai/getting-started/quickstart
    ("AI API key", RANDOM, 20, "fw_"),
    # https://jina.ai/api-dashboard/
    ("AI API key", WORD, 40, "jina_"),
    # https://docs.voyageai.com/docs/api-key-and-installation
    ("AI API key", RANDOM, 40, "pa-"),
    # https://docs.cloud.llamaindex.ai/llamacloud/getting_started/api_key
    ("LlamaCloud key", ALNUM, 40, "llx-"),
    # https://modal.com/docs/reference/cli/token
    ("Modal token", RANDOM, 20, "ak- as-"),
    # https://www.kaggle.com/docs/api
    ("Kaggle token", HEX, 32, "KGAT_"),
    # https://e2b.dev/docs/api-key
    ("E2B key", HEX, 32, "e2b_"),
    # https://docs.tavily.com/documentation/api-reference/introduction
    ("Tavily key", WORD, 24, "tvly-"),
    # https://docs.firecrawl.dev/api-reference/introduction
    ("Firecrawl key", HEX, 32, "fc-"),
    # https://axiom.co/docs/reference/tokens
    ("Axiom token", WORD, 30, "xaat- xapt-"),
    # https://docs.honeycomb.io/configure/environments/manage-api-keys/
    ("Honeycomb key", ALNUM, 30, "hcaik_ hcxik_ hcamk_ hcxmk_"),
    # https://docs.slack.dev/authentication/tokens/
    ("Slack token", DOTTED, 20, "xoxa- xoxb- xoxc- xoxe- xoxo- xoxp- xoxr- xoxs- xoxe.xox"),
    ("Slack token", BASE64, 60, "xoxd-"),
    # https://mailchimp.com/developer/transactional/guides/quick-start/
    ("Mandrill key", RANDOM, 22, "md-"),
    # https://developers.intercom.com/docs/build-an-integration/learn-more/authentication
    ("Intercom token", BASE64, 40, "dG9rO"),
    # https://developer.nylas.com/docs/v3/auth/
    ("Nylas key", WORD, 40, "nyk_v0_"),
    # https://docs.stripe.com/keys
    ("Stripe key", ALNUM, 16, "sk_live_ sk_test_ rk_live_ rk_test_"),
    # https://docs.stripe.com/webhooks
    ("Stripe webhook secret", BASE64, 24, "whsec_"),
    # https://developer.paddle.com/api-reference/about/authentication
    ("Paddle key", WORD, 30, "pdl_live_apikey_ pdl_sdbx_apikey_ pdl_ntfset_"),
    # https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens
    ("Shopify token", HEX, 32, "shpat_ shpca_ shppa_ shpss_ shptka_ shpua_"),
    # https://cal.com/docs/api-reference/v2/introduction
    ("Cal.com key", HEX, 32, "cal_live_ cal_test_"),
    # https://dub.co/docs/api-reference/tokens
    ("Dub key", ALNUM, 20, "dub_"),
    # https://docs.aws.amazon.com/STS/latest/APIReference/API_Credentials.html
    ("session token", BASE64, 60, "FwoGZX FQoGZX IQoJb3 AQoDYX"),
    # https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.key
    ("private key", BASE64, 40, "b3BlbnNzaC1rZXktdjE"),
    # https://www.rfc-editor.org/rfc/rfc7468
    ("private key", BASE64, 40, "LS0tLS1CRUdJTi"),
    # https://github.com/gitleaks/gitleaks/blob/master/config/gitleaks.toml
    ("Bedrock API key", BASE64, 60, "ABSK"),
    ("Bedrock API key", BASE64, 20, "bedrock-api-key-"),
    ("Google API key", WORD, 30, "AIza"),
    ("Yandex key", WORD, 35, "AQVN"),
    ("Yandex key", WORD, 38, "YCA YCM YCN YCP"),
    ("DigitalOcean token", HEX, 32, "dop_v1_ doo_v1_ dor_v1_"),
    ("Scalingo token", WORD, 40, "tk-us-"),
    ("Heroku key", WORD, 24, "HRKU-"),
    ("Fly.io token", BASE64, 30, "fm1a_ fm1r_ fm2_ fo1_"),
    ("OpenShift token", WORD, 43, "sha256~"),
    ("GitHub token", WORD, 16, "github_pat_"),
    ("GitLab token", WORD, 16, "GR1348941"),
    ("npm token", ALNUM, 30, "npm_"),
    ("PyPI token", WORD, 30, "pypi-"),
    ("RubyGems key", HEX, 40, "rubygems_"),
    ("Clojars token", LOWER, 40, "CLOJARS_"),
    ("Artifactory key", ALNUM, 50, "AKCp"),
    ("SonarQube token", ALNUM, 40, "squ_ sqp_ sqa_ sqco_"),
    ("Octopus key", UPPER, 25, "API-"),
    ("Harness token", DOTTED, 60, "pat. sat."),
    ("Infracost key", ALNUM, 32, "ico-"),
    ("Vault token", RANDOM, 24, "s."),
    ("Pulumi token", HEX, 40, "pul-"),
    ("1Password token", BASE64, 60, "ops_eyJ"),
    ("1Password key", "[A-Z0-9-]", 30, "A3-"),
    ("age key", UPPER, 30, "AGE-SECRET-KEY-1"),
    ("Prefect key", ALNUM, 30, "pnu_ pnb_"),
    ("Databricks token", HEX, 32, "dapi"),
    ("Defined Networking key", WORD, 60, "dnkey-"),
    ("Authress key", DOTTED, 40, "scauth_ authress_"),
    ("PlanetScale token", DOTTED, 24, "pscale_tkn_ pscale_pw_ pscale_oauth_"),
    ("ClickHouse key", ALNUM, 38, "4b1d"),
    ("AI API key", ALNUM, 20, "sk-"),
    ("AI API key", ALNUM, 30, "pplx-"),
    ("Hugging Face token", ALNUM, 20, "hf_ api_org_"),
    ("Sentry token", BASE64, 30, "sntrys_"),
    ("Sentry token", HEX, 32, "sntryu_"),
    ("New Relic key", HEX, 19, "NRJS- NRBR-"),
    ("Grafana token", BASE64, 30, "glc_ eyJrIjoi"),
    ("Grafana token", WORD, 30, "glsa_"),
    ("Slack token", WORD, 30, "xapp-"),
    ("Twilio key", HEX, 32, "SK"),
    ("Brevo key", WORD, 40, "xkeysib- xsmtpsib-"),
    ("Facebook token", ALNUM, 80, "EAA"),
    ("Stripe key", WORD, 20, "sk_prod_ rk_prod_"),
    ("Square token", WORD, 50, "EAAA"),
    ("Plaid token", WORD, 30, "access-production- access-sandbox- access-development-"),
    ("Flutterwave key", HEX, 20, "FLWSECK- FLWSECK_TEST-"),
    ("EasyPost key", ALNUM, 50, "EZAK EZTK"),
    ("Shippo token", HEX, 40, "shippo_live_ shippo_test_"),
    ("Duffel token", WORD, 40, "duffel_live_ duffel_test_"),
    ("Frame.io token", WORD, 40, "fio-u-"),
    ("Typeform token", DOTTED, 40, "tfp_"),
    ("ReadMe key", LOWER, 60, "rdme_"),
    ("Adobe secret", ALNUM, 32, "p8e-"),
    ("SettleMint token", ALNUM, 16, "sm_aat_ sm_pat_ sm_sat_"),
    ("Intra 42 secret", HEX, 60, "s-s4t2ud- s-s4t2af-"),
    # https://github.com/trufflesecurity/trufflehog/tree/main/pkg/detectors
    ("Netlify token", ALNUM, 24, "nfp_"),
    ("Google access token", DOTTED, 24, "ya29."),
    ("Alibaba key id", ALNUM, 18, "LTAI"),
    ("Deno token", ALNUM, 30, "ddp_ ddw_"),
    ("Salad key", ALNUM, 12, "salad_cloud_"),
    ("Atlassian token", BASE64, 30, "ATATT3 ATCTT3"),
    ("Bitbucket token", BASE64, 28, "ATBB BBDC-"),
    ("Docker token", WORD, 20, "dckr_pat_ dckr_oat_"),
    ("Artifactory token", ALNUM, 40, "cmVmdGtuOj"),
    ("CircleCI token", WORD, 30, "CCIPAT_"),
    ("Sourcegraph token", WORD, 40, "sgp_ slk_"),
    ("Trufflehog key", HEX, 16, "thog-key- thog-secret-"),
    ("Doppler token", DOTTED, 24, "dp.pt. dp.st. dp.ct. dp.sa. dp.scim. dp.audit."),
    ("Tailscale key", WORD, 16, "tskey-"),
    ("Supabase key", WORD, 30, "sbp_"),
    ("Pinecone key", WORD, 30, "pcsk_"),
    ("Contentful token", WORD, 30, "CFPAT-"),
    ("AI API key", WORD, 16, "sk-proj- sk-ant- sk-svcacct- sk-admin- sk-service- sk-or- sk-None-"),
    ("Langfuse key", WORD, 32, "sk-lf-"),
    ("AI API key", WORD, 30, "xai-"),
    ("AI API key", WORD, 30, "r8_"),
    ("AI API key", WORD, 40, "nvapi-"),
    ("LangSmith key", WORD, 30, "lsv2_"),
    ("ElevenLabs key", HEX, 40, "sk_"),
    ("New Relic key", WORD, 24, "NRAK- NRII- NRIQ-"),
    ("PostHog key", WORD, 40, "phx_ phs_"),
    ("Rootly key", HEX, 60, "rootly_"),
    ("Nightfall key", ALNUM, 32, "NF-"),
    ("Ubidots key", ALNUM, 30, "BBFF-"),
    ("Adafruit key", ALNUM, 28, "aio_"),
    ("Fullstory key", BASE64, 90, "na1. eu1."),
    ("Mailgun key", HEX, 32, "key-"),
    ("Klaviyo key", HEX, 34, "pk_"),
    ("Square token", WORD, 20, "sq0atp- sq0csp- sq0idp-"),
    ("Razorpay key", ALNUM, 14, "rzp_live_ rzp_test_"),
    ("Pagar.me key", ALNUM, 28, "ak_live_ ak_test_"),
    ("Ramp secret", ALNUM, 40, "ramp_sec_"),
    ("Robinhood key", WORD, 36, "rh-api-"),
    ("Flexport token", WORD, 40, "shltm_"),
    ("Lob key", HEX, 35, "live_ test_"),
    ("Postman key", WORD, 24, "PMAK- PMAT-"),
    ("Notion token", ALNUM, 40, "secret_"),
    ("Figma token", WORD, 24, "figd_ figp_"),
    ("Dropbox token", DOTTED, 60, "sl."),
    ("Apify token", ALNUM, 30, "apify_api_"),
    ("Voiceflow key", DOTTED, 40, "VF."),
    ("Zoho token", DOTTED, 60, "1000."),
    ("Salesforce token", DOTTED, 80, "5AEP861 3MVG9"),
    # https://github.com/mongodb/kingfisher/tree/main/data/rules
    ("Google client secret", WORD, 16, "GOCSPX-"),
    ("Courier key", UPPER, 24, "pk_prod_"),
    ("Cargo token", ALNUM, 32, "cio"),
    ("NuGet key", ALNUM, 43, "oy2"),
    ("StackHawk key", DOTTED, 40, "hawk."),
    ("Dependency-Track key", ALNUM, 32, "odt_"),
    ("Ionic token", LOWER, 42, "ion_"),
    ("MongoDB secret", WORD, 36, "mdb_sa_sk_"),
    ("ClickUp token", "[A-Z0-9_]", 36, "pk_"),
    ("Mapbox token", DOTTED, 30, "sk.eyJ pk.eyJ tk.eyJ"),
    # https://github.com/betterleaks/betterleaks/blob/main/config/betterleaks.toml
    ("Exoscale key", HEX, 24, "EXO"),
    ("Render key", ALNUM, 24, "rnd_"),
    ("Buildkite token", ALNUM, 30, "bkua_ bkaa_ bkaj_ bkct_"),
    ("Unkey key", ALNUM, 20, "unkey_"),
    ("Zuplo key", WORD, 30, "zpka_"),
    ("Supabase key", WORD, 16, "sb_secret_"),
    ("Neon key", ALNUM, 30, "napi_"),
    ("CockroachDB key", WORD, 40, "CCDB1_"),
    ("AI API key", LOWER, 40, "csk-"),
    ("AI API key", WORD, 36, "tgp_v1_"),
    ("RunPod key", ALNUM, 36, "rpa_"),
    ("Weights and Biases key", WORD, 40, "wandb_v1_"),
    ("Brave key", RANDOM, 24, "BSA"),
    ("MailerSend key", HEX, 40, "mlsn."),
    ("Polar token", WORD, 30, "polar_oat_ polar_pat_"),
    # https://github.com/svix/svix-webhooks
    ("Svix token", WORD, 24, "testsk_"),
    # https://github.com/secretlint/secretlint/tree/master/packages/%40secretlint
    ("Vercel token", ALNUM, 24, "vcp_ vci_ vca_ vcr_ vck_"),
    ("Amazon MWS token", WORD, 30, "amzn.mws."),
    ("Vault token", WORD, 24, "hvs. hvb. hvr."),
    ("AI API key", ALNUM, 30, "gsk_"),
    ("Notion token", ALNUM, 30, "ntn_"),
    ("Linear key", ALNUM, 24, "lin_api_ lin_oauth_"),
    # https://github.com/Yelp/detect-secrets/tree/master/detect_secrets/plugins
    ("Facebook token", ALNUM, 10, "EAACEdEose0cBA"),
    ("Braintree token", "[A-Za-z0-9$]", 40, "access_token$production$ access_token$sandbox$"),
)
"""Kind, alphabet, least number of characters of it, and the prefixes before them.

Above each row: a public rule set that holds the prefix, or the issuer's page on its tokens. Most of those pages do not
spell the format out. So each row with a page was also looked up in public code, which shows the prefix next to the
issuer's name (November 2026). Alphabets and lengths are what those examples have.

The least number may be below the documented length, because issuers lengthen their tokens and logs cut them.
"""
