/** The five wire protocols of the AWS services that are stood in for. */
export type AwsProtocol = 'cloudwatch' | 'logs' | 'sts' | 'api-gateway-v1' | 'api-gateway-v2';
