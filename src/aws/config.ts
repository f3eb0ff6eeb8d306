import { z } from 'zod';
import { text } from '../core/config-fields.ts';

/** One AWS account that is read. Its name in `accounts:` is how the rest of the file refers to it. */
export const accountConfig = z
  .strictObject({
    accountId: z
      .string()
      .regex(/^\d{12}$/)
      .meta({ description: 'Twelve-digit account id, in quotes.', examples: ['111122223333'] }),
    regions: z
      .array(
        z
          .string()
          .regex(/^[a-z]{2,4}(-[a-z]+)+-\d$/)
          .meta({ description: 'A Region as AWS writes it.', examples: ['eu-west-1'] }),
      )
      .min(1)
      .meta({ description: 'Regions to read in this account.', examples: [['eu-west-1']] }),
    roleArn: z
      .string()
      .regex(/^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]+$/)
      .exactOptional()
      .meta({
        description:
          'Role to assume for this account. Without it the credentials that the AWS SDK finds by itself are used as they are.',
        examples: ['arn:aws:iam::444455556666:role/gatewatch'],
      }),
    externalId: text()
      .max(1_224)
      .exactOptional()
      .meta({
        description: 'External id that the role asks for; only together with `roleArn`.',
        examples: ['${env:EXTERNAL_ID}'],
      }),
  })
  .meta({ description: 'One AWS account that is read.' });

export type AccountConfig = z.infer<typeof accountConfig>;
